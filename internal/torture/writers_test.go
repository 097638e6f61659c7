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

	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// publishScript is what an app would load.
var publishScript string

func init() {
	redis.SetLogger(silent{})
	script, err := os.ReadFile("../../internal/bus/sse_publish.lua")
	if err != nil {
		panic(err)
	}
	publishScript = string(script)
}

// silent keeps the client from telling of each connection that a fault cut.
type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

// most is how many entries a history keeps: all.
const most = 100_000

// A way to write entries to a history. It counts those that Redis has confirmed.
type way struct {
	name  string
	write func(ctx context.Context, c *redis.Client, channel string, texts []string) (confirmed int)
	sum   atomic.Int64
}

func ways() []*way {
	return []*way{
		{name: "by the script", write: func(ctx context.Context, c *redis.Client, channel string, texts []string) int {
			return pipelined(ctx, c, texts, func(p redis.Pipeliner, text string) {
				p.Eval(ctx, publishScript, []string{channel}, most, 0, "data", text)
			})
		}},
		{name: "by XADD alone", write: xadd},
		{name: "by XADD and PUBLISH", write: func(ctx context.Context, c *redis.Client, channel string, texts []string) int {
			n := xadd(ctx, c, channel, texts)
			// Other writers may come between: what is said is in another order.
			pipelined(ctx, c, texts, func(p redis.Pipeliner, _ string) { p.Publish(ctx, channel, "anything") })
			return n
		}},
	}
}

func xadd(ctx context.Context, c *redis.Client, channel string, texts []string) int {
	return pipelined(ctx, c, texts, func(p redis.Pipeliner, text string) {
		p.XAdd(ctx, &redis.XAddArgs{Stream: channel, Values: []string{"data", text}})
	})
}

func pipelined(ctx context.Context, c *redis.Client, texts []string, add func(redis.Pipeliner, string)) (confirmed int) {
	p := c.Pipeline()
	for _, text := range texts {
		add(p, text)
	}
	replies, _ := p.Exec(ctx) // each reply has its error
	for _, reply := range replies {
		if reply.Err() == nil {
			confirmed++
		}
	}
	return confirmed
}

// Writers write to all channels at random, each over a connection of its own.
type writers struct {
	ways   []*way
	serial atomic.Int64
	stop   context.CancelFunc
	all    sync.WaitGroup
}

// writersEach is how many writers write in each way.
const writersEach = 4

// write begins to write so many entries a second, until finish.
func write(t *testing.T, server *redistest.Server, channels []string, rate float64, random func() *rand.Rand) *writers {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	w := &writers{ways: ways(), stop: cancel}
	t.Cleanup(w.finish)
	interval := time.Duration(float64(time.Second) * float64(len(w.ways)*writersEach) / rate)
	for _, way := range w.ways {
		for i := range writersEach {
			c := server.Client(func(o *redis.Options) {
				o.PoolSize, o.MaxRetries = 1, -1
				o.ReadTimeout = 10 * time.Second
				if i%2 == 0 {
					o.ReadTimeout = time.Second // too short for a frozen Redis: an answer is lost
				}
			})
			r := random()
			w.all.Go(func() { w.run(ctx, c, way, channels, interval, r) })
		}
	}
	return w
}

func (w *writers) run(ctx context.Context, c *redis.Client, way *way, channels []string, interval time.Duration, random *rand.Rand) {
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
		channel := channels[random.IntN(len(channels))]
		texts := make([]string, n)
		for i := range texts {
			texts[i] = text(channel, w.serial.Add(1), random)
		}
		// What has begun is not cut short by the end.
		way.sum.Add(int64(way.write(context.Background(), c, channel, texts)))
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
