package redisbroker

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"github.com/caddy-sse/caddy-sse/internal/broker"
	"github.com/caddy-sse/caddy-sse/internal/jitter"
	"github.com/caddy-sse/caddy-sse/internal/protocol"
	"github.com/caddy-sse/caddy-sse/internal/ratelog"
)

const (
	// maxWatched is how many Redis streams one client waits at: Redis' work for
	// each entry grows with them.
	maxWatched = 100
	// maxWatchers is how many clients wait.
	maxWatchers = 8
	// watchFor is how long they wait before they look who else is to be watched.
	watchFor = 500 * time.Millisecond
	// firstPause and lastPause are how long to wait after a failure, and at most after
	// many.
	firstPause = 100 * time.Millisecond
	lastPause  = 10 * time.Second
	// loadingPause is how long to wait while Redis loads its data, which takes it as
	// long as it takes.
	loadingPause = 500 * time.Millisecond
)

// watchers are clients that wait at Redis streams, by XREAD BLOCK, for anyone who
// adds entries without a word.
type watchers struct {
	all  []*watcher
	full ratelog.Limiter
}

// A watcher is one of them. It ends when it has nothing to watch.
type watcher struct {
	slot uint16 // of all of them, in a cluster, where one command has one slot

	mu       sync.Mutex
	channels []*watched
	ended    bool
}

// add has one of them watch the channel, if there is room.
func (w *watchers) add(b *Broker, c *watched) {
	w.all = slices.DeleteFunc(w.all, func(w *watcher) bool { return w.hasEnded() })
	var slot uint16
	if b.cluster != nil {
		slot = slotOf(c.channel)
	}
	for _, one := range w.all {
		if one.slot == slot && one.add(c) {
			return
		}
	}
	if len(w.all) == maxWatchers {
		w.full.Do(func(int) {
			b.log().Warn("more channels have history than the gateway can watch; what a plain XADD adds to the others arrives within a minute; "+
				"turn on keyspace notifications (redis { keyspace_notifications }), or PUBLISH anything after XADD",
				zap.Int("watched", maxWatched*maxWatchers))
		})
		return
	}
	one := &watcher{slot: slot, channels: []*watched{c}}
	w.all = append(w.all, one)
	b.spawn(func() { one.run(b) })
}

func (w *watchers) remove(c *watched) {
	for _, one := range w.all {
		one.remove(c)
	}
}

// have reports whether the channel is watched.
func (w *watchers) have(c *watched) bool {
	return slices.ContainsFunc(w.all, func(one *watcher) bool { return one.has(c) })
}

func (w *watcher) has(c *watched) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.ended && slices.Contains(w.channels, c)
}

func (w *watcher) add(c *watched) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended || len(w.channels) == maxWatched {
		return false
	}
	w.channels = append(w.channels, c)
	return true
}

func (w *watcher) remove(c *watched) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.channels = slices.DeleteFunc(w.channels, func(d *watched) bool { return c == d })
}

func (w *watcher) hasEnded() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ended
}

// A position is where a channel is to be watched from.
type position struct {
	*watched
	last protocol.EntryID
}

// idle are the channels to be watched now: those that are about to be read, will
// be watched after that.
func (w *watcher) idle() (idle []position, all int, ended bool) {
	w.mu.Lock()
	w.ended = len(w.channels) == 0
	channels := slices.Clone(w.channels)
	w.mu.Unlock()
	// Not under the lock, which the hub waits for while a channel waits for it.
	for _, c := range channels {
		if last, ok := c.Position(); ok {
			idle = append(idle, position{c, last})
		}
	}
	return idle, len(channels), len(channels) == 0
}

func (w *watcher) run(b *Broker) {
	tries := 0
	for {
		idle, all, ended := w.idle()
		if ended || b.ctx.Err() != nil {
			return
		}
		wait := watchFor
		if len(idle) < all {
			wait = watchFor / 50
		}
		if len(idle) > 0 {
			err := watch(b.ctx, b.ownerOf(w.slot), idle, wait)
			if err == nil {
				tries = 0
				continue
			}
			wait = jitter.Backoff(firstPause, lastPause, tries)
			tries++
			if causeOf(err) == broker.CauseLoading {
				wait, tries = jitter.Spread(loadingPause, 0.5), 0
			}
			for _, c := range idle {
				c.Missed()
				if causeOf(err).Answered() && causeOf(err) != broker.CauseLoading && !b.redirected(err) {
					// It may be for one of them only: whose it is, a read tells, and
					// that one is not watched any more.
					c.Changed()
				}
			}
		}
		select {
		case <-time.After(wait):
		case <-b.ctx.Done():
		}
	}
}

// watch waits for an entry in one of the channels, and wakes those that have
// one.
func watch(ctx context.Context, n *node, channels []position, wait time.Duration) error {
	args := []any{"XREAD", "COUNT", 1, "BLOCK", wait.Milliseconds(), "STREAMS"}
	byName := make(map[string]*watched, len(channels))
	for _, c := range channels {
		args = append(args, c.channel)
		byName[c.channel] = c.watched
	}
	for _, c := range channels {
		args = append(args, c.last.String())
	}
	if n == nil {
		return errUncovered
	}
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	reply, err := n.client.Do(ctx, args...).Slice()
	if errors.Is(err, redis.Nil) {
		return nil
	}
	for _, item := range reply {
		if pair, ok := item.([]any); ok && len(pair) == 2 {
			name, _ := pair[0].(string)
			list, _ := pair[1].([]any)
			if c := byName[name]; c != nil && len(list) > 0 {
				c.Seen(idOfEntry(list[0]))
			}
		}
	}
	return err
}
