package torture

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// A follower does commands where a channel is, wherever that goes, and none twice that
// may have been done. It is for one goroutine.
type follower struct {
	place   place
	timeout time.Duration // of an answer
	clients map[string]*redis.Client
	places  map[string]string // of channels
}

func follow(p place, timeout time.Duration) *follower {
	return &follower{place: p, timeout: timeout, clients: make(map[string]*redis.Client), places: make(map[string]string)}
}

func (f *follower) close() {
	for _, c := range f.clients {
		_ = c.Close() // it only says that it was closed before
	}
}

// client is one of the server that has the channel, as far as is known.
func (f *follower) client(channel string) (c *redis.Client, addr string) {
	addr = f.place.at(f.places[channel])
	if f.clients[addr] == nil {
		f.clients[addr] = redis.NewClient(&redis.Options{
			Addr: addr, Password: f.place.secret(), Protocol: 2, DisableIdentity: true, PoolSize: 1, MaxRetries: -1, DialerRetries: 1,
			DialTimeout: time.Second, ReadTimeout: f.timeout,
		})
	}
	return f.clients[addr], addr
}

// insists is for how long a follower tries what is not done.
const insists = 5 * time.Second

// do sends commands for a channel, one for each text, and returns what became of them.
func (f *follower) do(channel string, texts []string, add func(p redis.Pipeliner, text string) redis.Cmder) []redis.Cmder {
	replies := make([]redis.Cmder, len(texts))
	left := make([]int, len(texts)) // their indexes
	for i := range left {
		left[i] = i
	}
	for began := time.Now(); ; {
		c, addr := f.client(channel)
		pipe := c.Pipeline()
		for _, i := range left {
			replies[i] = add(pipe, texts[i])
		}
		_, failed := pipe.Exec(context.Background())
		isMarked := slices.ContainsFunc(left, func(i int) bool { return replies[i].Err() != nil })
		var again []int
		for _, i := range left {
			if !isMarked && failed != nil { // a new connection was refused, of which the commands know nothing
				replies[i].SetErr(failed)
			}
			if wasNotDone(replies[i].Err()) {
				again = append(again, i)
			}
		}
		if failed != nil {
			f.places[channel] = f.place.next(addr, failed)
		}
		if len(again) == 0 || time.Since(began) > insists {
			return replies
		}
		if left = again; !strings.HasPrefix(fmt.Sprint(failed), "MOVED ") {
			pause(context.Background(), 20*time.Millisecond)
		}
	}
}

// publish publishes a text where the channel is: a node of a cluster would take any by
// PUBLISH, and tell the others.
func (f *follower) publish(p redis.Pipeliner, channel, text string) redis.Cmder {
	ctx := context.Background()
	switch {
	case f.place.isSharded():
		return p.SPublish(ctx, channel, text)
	case f.place.mayLose():
		return p.Eval(ctx, "return redis.call('PUBLISH', KEYS[1], ARGV[1])", []string{channel}, text)
	}
	return p.Publish(ctx, channel, text)
}

// wasNotDone reports whether a server has not done a command, and it, or another, may.
func wasNotDone(err error) bool {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return true
	}
	var answer redis.Error
	if !errors.As(err, &answer) {
		return false
	}
	switch word, _, _ := strings.Cut(answer.Error(), " "); word {
	case "MOVED", "ASK", "CLUSTERDOWN", "TRYAGAIN", "MASTERDOWN", "LOADING", "READONLY", "UNBLOCKED":
		return true
	}
	return strings.Contains(answer.Error(), "-READONLY") // within a script
}
