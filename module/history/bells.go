package history

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-sse/caddy-sse/module/bus"
)

// bells are what rings when an entry is added by a plain XADD: Redis' keyspace
// notifications, where they are on (https://redis.io/docs/latest/develop/pubsub/keyspace-notifications/),
// else clients that wait at the Redis streams.
type bells struct {
	bus     *bus.Bus
	options Options
	prefix  string      // of the channels that keyspace notifications come by
	isOn    atomic.Bool // the notifications

	mu       sync.Mutex
	known    bool // whether they are on
	hung     map[*channel]struct{}
	watchers watchers
}

func (b *bells) init(on *bus.Bus, o Options) {
	b.bus, b.options = on, o
	b.prefix = fmt.Sprintf("__keyspace@%d__:", on.Client().Options().DB)
	b.hung = make(map[*channel]struct{})
}

// key is the key that a keyspace notification is about.
func (b *bells) key(channel string) (key string, ok bool) {
	if !b.isOn.Load() {
		return "", false
	}
	return strings.CutPrefix(channel, b.prefix)
}

// hang has the channel ring.
func (b *bells) hang(h *History, c *channel) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.hung[c] = struct{}{}
	switch {
	case b.isOn.Load():
		b.bus.Listen(b.prefix + c.name)
	case b.known:
		b.watchers.add(h, c)
	}
}

// ring reports whether each entry that is added to the channel's Redis stream is
// heard of.
func (b *bells) ring(c *channel) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.isOn.Load() || b.watchers.have(c)
}

// take takes the channel's bell away.
func (b *bells) take(c *channel) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.hung, c)
	if b.isOn.Load() {
		b.bus.Forget(b.prefix + c.name)
	}
	b.watchers.remove(c)
}

// reconnected looks which bells the server has: it may be another now.
func (b *bells) reconnected(h *History) {
	h.spawn(func() {
		ctx, cancel := context.WithTimeout(h.ctx, readTimeout)
		defer cancel()
		isOn, err := b.ask(ctx, h)
		switch {
		case err == nil:
			b.change(h, isOn)
		case !h.deaf.Load():
			time.AfterFunc(watchFor, func() { b.reconnected(h) })
		}
	})
}

// change moves all channels to the bells that there are.
func (b *bells) change(h *History, isOn bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	was := b.isOn.Swap(isOn)
	if b.known && was == isOn {
		return
	}
	b.known = true
	for c := range b.hung {
		c.interruptions.Add(1)
		switch {
		case isOn:
			b.watchers.remove(c)
			b.bus.Listen(b.prefix + c.name)
		default:
			if was {
				b.bus.Forget(b.prefix + c.name)
			}
			b.watchers.add(h, c)
		}
	}
}

// ask reports whether the server notifies, having turned it on if it is to.
func (b *bells) ask(ctx context.Context, h *History) (bool, error) {
	client := b.bus.Client()
	reply, err := client.ConfigGet(ctx, "notify-keyspace-events").Result()
	if err != nil {
		if !isAnswer(err) {
			return false, err
		}
		// Managed services keep CONFIG to themselves.
		if b.options.KeyspaceNotifications {
			h.log().Warn("redis does not say whether keyspace notifications are on; taking them as on, since keyspace_notifications is set", zap.Error(err))
		}
		return b.options.KeyspaceNotifications, nil
	}
	flags := reply["notify-keyspace-events"]
	if notifies(flags) {
		return true, nil
	}
	if !b.options.KeyspaceNotifications {
		return false, nil
	}
	err = client.ConfigSet(ctx, "notify-keyspace-events", flags+neededFlags).Err()
	if err != nil && !isAnswer(err) {
		return false, err
	}
	if err != nil {
		h.log().Error("redis does not let the gateway turn keyspace notifications on; turn them on there: notify-keyspace-events "+neededFlags, zap.Error(err))
		return false, nil
	}
	h.log().Info("turned redis' keyspace notifications on", zap.String("notify-keyspace-events", flags+neededFlags))
	return true, nil
}

// neededFlags are keyspace events (K) of Redis streams (t), and of deleted (g)
// and expired (x) keys.
const neededFlags = "Ktgx"

func notifies(flags string) bool {
	return strings.Contains(flags, "K") && strings.ContainsAny(flags, "tA")
}
