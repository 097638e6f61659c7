package history

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

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
)

// watchers are clients that wait at Redis streams, by XREAD BLOCK, for anyone who
// adds entries without a word.
type watchers struct {
	all  []*watcher
	full ratelog.Limiter
}

// A watcher is one of them. It ends when it has nothing to watch.
type watcher struct {
	mu       sync.Mutex
	channels []*channel
	ended    bool
}

// add has one of them watch the channel, if there is room.
func (w *watchers) add(h *History, c *channel) {
	w.all = slices.DeleteFunc(w.all, func(w *watcher) bool { return w.hasEnded() })
	for _, one := range w.all {
		if one.add(c) {
			return
		}
	}
	if len(w.all) == maxWatchers {
		w.full.Do(func(int) {
			h.log().Warn("more channels have history than the gateway can watch; what a plain XADD adds to the others arrives within a minute; "+
				"turn on keyspace notifications (redis { keyspace_notifications }), or PUBLISH anything after XADD",
				zap.Int("watched", maxWatched*maxWatchers))
		})
		return
	}
	one := &watcher{channels: []*channel{c}}
	w.all = append(w.all, one)
	h.spawn(func() { one.run(h) })
}

func (w *watchers) remove(c *channel) {
	for _, one := range w.all {
		one.remove(c)
	}
}

// have reports whether the channel is watched.
func (w *watchers) have(c *channel) bool {
	return slices.ContainsFunc(w.all, func(one *watcher) bool { return one.has(c) })
}

func (w *watcher) has(c *channel) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.ended && slices.Contains(w.channels, c)
}

func (w *watcher) add(c *channel) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended || len(w.channels) == maxWatched {
		return false
	}
	w.channels = append(w.channels, c)
	return true
}

func (w *watcher) remove(c *channel) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.channels = slices.DeleteFunc(w.channels, func(d *channel) bool { return c == d })
}

func (w *watcher) hasEnded() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ended
}

// idle are the channels to be watched now: those that are about to be read, will
// be watched after that.
func (w *watcher) idle() (idle []*channel, all int, ended bool) {
	w.mu.Lock()
	w.ended = len(w.channels) == 0
	channels := slices.Clone(w.channels)
	w.mu.Unlock()
	// Not under the lock, which the hub waits for while a channel waits for it.
	for _, c := range channels {
		if c.isIdle() {
			idle = append(idle, c)
		}
	}
	return idle, len(channels), len(channels) == 0
}

func (w *watcher) run(h *History) {
	var pause backoff
	for {
		idle, all, ended := w.idle()
		if ended || h.ctx.Err() != nil {
			return
		}
		wait := watchFor
		if len(idle) < all {
			wait = watchFor / 50
		}
		if len(idle) > 0 {
			err := watch(h.ctx, h.bus.Client(), idle, wait)
			if err == nil {
				pause = backoff{}
				continue
			}
			wait = pause.next()
			if isLoading(err) {
				wait = pause.whileLoading()
			}
			for _, c := range idle {
				c.interruptions.Add(1)
				if isAnswer(err) && !isLoading(err) {
					// It may be for one of them only: whose it is, a read tells, and
					// that one is not watched any more.
					c.wake()
				}
			}
		}
		select {
		case <-time.After(wait):
		case <-h.ctx.Done():
		}
	}
}

// watch waits for an entry in one of the channels, and wakes those that have
// one.
func watch(ctx context.Context, client *redis.Client, channels []*channel, wait time.Duration) error {
	args := []any{"XREAD", "COUNT", 1, "BLOCK", wait.Milliseconds(), "STREAMS"}
	byName := make(map[string]*channel, len(channels))
	for _, c := range channels {
		args = append(args, c.name)
		byName[c.name] = c
	}
	for _, c := range channels {
		args = append(args, c.position().String())
	}
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	reply, err := client.Do(ctx, args...).Slice()
	if errors.Is(err, redis.Nil) {
		return nil
	}
	for _, item := range reply {
		if pair, ok := item.([]any); ok && len(pair) == 2 {
			name, _ := pair[0].(string)
			list, _ := pair[1].([]any)
			if c := byName[name]; c != nil && len(list) > 0 {
				c.promise(idOfEntry(list[0]))
			}
		}
	}
	return err
}

// isAnswer reports whether an error is Redis' own word.
func isAnswer(err error) bool {
	var reply redis.Error
	return errors.As(err, &reply)
}
