package torture

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// publishScript is what an app would load, and shardedScript what one would that says
// SPUBLISH.
var publishScript, shardedScript string

func init() {
	redis.SetLogger(silent{})
	script, err := os.ReadFile("../../internal/broker/redis/sse_publish.lua")
	if err != nil {
		panic(err)
	}
	publishScript = string(script)
	shardedScript = strings.Replace(publishScript, "'PUBLISH'", "'SPUBLISH'", 1)
}

// silent keeps the client from telling of each connection that a fault cut.
type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

// most is how many entries a history keeps: all.
const most = 100_000

// A way to write entries to a history. It counts those that Redis has confirmed.
type way struct {
	name string
	// write returns the IDs, which are empty where Redis has not confirmed it.
	write func(f *follower, channel string, texts []string) (ids []string)
	sum   atomic.Int64
}

func ways() []*way {
	return []*way{
		{name: "by the script", write: func(f *follower, channel string, texts []string) (ids []string) {
			script := publishScript
			if f.place.isSharded() {
				script = shardedScript
			}
			replies := f.do(channel, texts, func(p redis.Pipeliner, text string) redis.Cmder {
				return p.Eval(context.Background(), script, []string{channel}, most, 0, "data", text)
			})
			for _, reply := range replies {
				id := ""
				if all, err := reply.(*redis.Cmd).Slice(); err == nil {
					id = all[0].(string)
				}
				ids = append(ids, id)
			}
			return ids
		}},
		{name: "by XADD alone", write: xadd},
		{name: "by XADD and PUBLISH", write: func(f *follower, channel string, texts []string) []string {
			ids := xadd(f, channel, texts)
			// Other writers may come between: what is said is in another order.
			f.do(channel, texts, func(p redis.Pipeliner, _ string) redis.Cmder { return f.publish(p, channel, "anything") })
			return ids
		}},
	}
}

func xadd(f *follower, channel string, texts []string) (ids []string) {
	replies := f.do(channel, texts, func(p redis.Pipeliner, text string) redis.Cmder {
		return p.XAdd(context.Background(), &redis.XAddArgs{Stream: channel, Values: []string{"data", text}})
	})
	for _, reply := range replies {
		id := ""
		if reply.Err() == nil {
			id = reply.(*redis.StringCmd).Val()
		}
		ids = append(ids, id)
	}
	return ids
}

// Writers write to all channels at random, each over connections of its own.
type writers struct {
	ways   []*way
	ledger *ledger
	serial atomic.Int64
	stop   context.CancelFunc
	all    sync.WaitGroup
}

// writersEach is how many writers write in each way.
const writersEach = 4

// write begins to write so many entries a second, until finish.
func write(t *testing.T, p place, channels []string, rate float64, random func() *rand.Rand) *writers {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	w := &writers{ways: ways(), stop: cancel, ledger: newLedger(p)}
	t.Cleanup(w.stop)
	interval := time.Duration(float64(time.Second) * float64(len(w.ways)*writersEach) / rate)
	for _, way := range w.ways {
		for i := range writersEach {
			timeout := 10 * time.Second
			if i%2 == 0 || p.mayLose() {
				timeout = time.Second // too short for a frozen Redis: an answer is lost
			}
			r := random()
			w.all.Go(func() {
				f := follow(p, timeout)
				defer f.close()
				w.run(ctx, f, way, channels, interval, r)
			})
		}
	}
	return w
}

func (w *writers) run(ctx context.Context, f *follower, way *way, channels []string, interval time.Duration, random *rand.Rand) {
	next := time.Now()
	for {
		n := 1
		if random.IntN(20) == 0 {
			n += random.IntN(30) // a burst
		}
		next = next.Add(time.Duration(n) * interval)
		if behind := time.Since(next); behind > time.Second {
			next = next.Add(behind) // a fault is no debt
		}
		pause(ctx, time.Until(next))
		if ctx.Err() != nil {
			return
		}
		// What has begun is not cut short by the end.
		w.add(f, way, channels[random.IntN(len(channels))], n, random)
	}
}

// add writes entries to a channel.
func (w *writers) add(f *follower, way *way, channel string, n int, random *rand.Rand) {
	texts := make([]string, n)
	for i := range texts {
		texts[i] = text(channel, w.serial.Add(1), random)
	}
	w.ledger.begin(channel, texts)
	ids := way.write(f, channel, texts)
	w.ledger.confirm(channel, texts, ids)
	for _, id := range ids {
		if id != "" {
			way.sum.Add(1)
		}
	}
}

// addLast writes one more entry to each channel, by which all learn of what is gone.
func (w *writers) addLast(p place, channels []string, random *rand.Rand) {
	f := follow(p, 10*time.Second)
	defer f.close()
	for _, channel := range channels {
		w.add(f, w.ways[0], channel, 1, random)
	}
}

// finish ends the writing, and returns when all that was written is.
func (w *writers) finish() {
	w.stop()
	w.all.Wait()
}

// String says how many entries were confirmed, by the way of writing.
func (w *writers) String() string {
	var s []string
	for _, way := range w.ways {
		s = append(s, fmt.Sprintf("%d %s", way.sum.Load(), way.name))
	}
	return strings.Join(s, ", ")
}

// largeEvery is how seldom, of those that could be, an event is large.
const largeEvery = 10

// text is some data: unique, seldom long, and sometimes with whatever could be
// taken for a part of the stream.
func text(channel string, serial int64, random *rand.Rand) string {
	b := fmt.Sprintf("%s %d", channel, serial)
	switch random.IntN(20) {
	case 0:
		b += strings.Repeat(".", 1<<10+random.IntN(3<<10))
	case 1:
		b += "\nid: 1-1\r\ndata: x\r\r: \U0001F986\n"
	case 2:
		b = "\n " + b + "\n\n"
	case 3:
		if random.IntN(largeEvery) == 0 {
			b += strings.Repeat("*", 32<<10+random.IntN(32<<10))
		}
	}
	return b
}
