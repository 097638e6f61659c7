package history

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-sse/caddy-sse/internal/bus"
)

// bells are what rings when an entry is added by a plain XADD: Redis' keyspace
// notifications, where they are on (https://redis.io/docs/latest/develop/pubsub/keyspace-notifications/),
// else clients that wait at the Redis streams.
type bells struct {
	bus     *bus.Bus
	options Options
	prefix  string      // of the channels that keyspace notifications come by
	isOn    atomic.Bool // the notifications
	// isMissed: they are not, though they were, or are to be.
	isMissed atomic.Bool
	notices  notices
	asking   sync.Mutex
	turnOnAt time.Time // not before; of who asks
	writeAt  time.Time // not before, since it was denied; of who looks
	blind    sync.Once
	refused  sync.Once

	mu       sync.Mutex
	known    bool // whether they are on
	said     saying
	hung     map[*channel]struct{}
	watchers watchers
}

func (b *bells) init(on *bus.Bus, o Options) {
	b.bus, b.options = on, o
	b.prefix = fmt.Sprintf("__keyspace@%d__:", on.Client().Options().DB)
	b.hung = make(map[*channel]struct{})
	b.notices.init(b.prefix)
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
		b.asking.Lock()
		defer b.asking.Unlock()
		b.turnOnAt = time.Time{}
		switch said, _, err := b.ask(ctx, h); {
		case err == nil:
			b.change(h, said, said == on || said == silent && b.options.KeyspaceNotifications)
		case !h.deaf.Load():
			time.AfterFunc(watchFor, func() { b.reconnected(h) })
		}
	})
}

// watch looks, again and again, whether what the bells are is still so.
func (b *bells) watch(h *History) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if !h.deaf.Load() {
				b.look(h)
			}
		case <-h.ctx.Done():
			return
		}
	}
}

// look finds out whether notifications come. It does nothing while they do, nor
// where nobody has asked for them and the server does not say that it has any.
func (b *bells) look(h *History) {
	b.mu.Lock()
	said, isUsed := b.said, b.known && len(b.hung) > 0
	b.mu.Unlock()
	if !isUsed || said == silent && !b.options.KeyspaceNotifications {
		return
	}
	if said != off {
		b.notices.listen(b.bus)
	}
	if came := b.notices.came.Swap(false); came && b.isOn.Load() {
		return
	}
	found := unknown
	var unwritten error
	if said != off && time.Now().After(b.writeAt) {
		if found, unwritten = b.notices.find(h.ctx, b.bus.Client()); found == unknown && unwritten == nil {
			return
		}
		if bus.Final(unwritten) {
			b.writeAt = time.Now().Add(writeAgain)
		}
	}
	if found == comes {
		b.change(h, said, true)
		return
	}
	ctx, cancel := context.WithTimeout(h.ctx, readTimeout)
	defer cancel()
	b.asking.Lock()
	defer b.asking.Unlock()
	says, isNew, err := b.ask(ctx, h)
	switch {
	case err != nil || h.deaf.Load():
	case found == comesNot, says != silent:
		isOn := isNew || found != comesNot && says == on && (said == off || b.isOn.Load())
		if b.change(h, says, isOn) || isNew {
			b.interrupted() // nothing may have rung for a while
		}
	case bus.Final(unwritten):
		b.blind.Do(func() {
			h.log().Warn("it cannot be known whether keyspace notifications come: redis takes no entry of the gateway's own, "+
				noticesKey+", and does not say whether they are on", zap.Error(unwritten))
		})
	}
}

// change moves all channels to the bells that there are, and reports whether these
// are others than before.
func (b *bells) change(h *History, said saying, isOn bool) (isNews bool) {
	b.mu.Lock()
	was, wasKnown := b.isOn.Swap(isOn), b.known
	b.said, b.known = said, true
	if wasKnown && was == isOn {
		b.mu.Unlock()
		return false
	}
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
	wasMissed := b.isMissed.Swap(!isOn && (was || b.options.KeyspaceNotifications))
	isMissed := b.isMissed.Load()
	b.mu.Unlock()
	switch {
	case isMissed && !wasMissed:
		h.log().Warn(unnotified, zap.String("redis_says", string(said)))
	case wasMissed && isOn:
		h.log().Info("redis' keyspace notifications come again")
	}
	return wasKnown
}

// interrupted has all channels read.
func (b *bells) interrupted() {
	b.mu.Lock()
	all := slices.Collect(maps.Keys(b.hung))
	b.mu.Unlock()
	for _, c := range all { // not under the lock, which is taken under a channel's
		c.interrupted()
	}
}

const unnotified = "keyspace notifications do not come; entries are waited for at the Redis streams, by XREAD, and where there are too many arrive within a minute"

// Unnotified says in a sentence that keyspace notifications are to come, or did,
// and do not; empty if that is not so.
func (h *History) Unnotified() string {
	if h.bells.isMissed.Load() {
		return unnotified
	}
	return ""
}

// A saying is what the server says of its notifications.
type saying string

const (
	on     saying = "on"
	off    saying = "off"
	silent saying = "nothing" // managed services keep CONFIG to themselves
)

// writeAgain is after how long an entry of the gateway's own is tried again that
// Redis has denied: it notes each try.
const writeAgain = time.Minute

// turnOnEvery is how often notifications are turned on that somebody else turns
// off.
const turnOnEvery = time.Minute

// ask asks the server whether it notifies, having turned it on if it is to: isNew
// then. It is called by one at a time.
func (b *bells) ask(ctx context.Context, h *History) (said saying, isNew bool, err error) {
	client := b.bus.Client()
	reply, err := client.ConfigGet(ctx, "notify-keyspace-events").Result()
	if err != nil {
		if isAnswer(err) {
			return silent, false, nil
		}
		return "", false, err
	}
	flags := reply["notify-keyspace-events"]
	if notifies(flags) {
		return on, false, nil
	}
	if !b.options.KeyspaceNotifications || time.Now().Before(b.turnOnAt) {
		return off, false, nil
	}
	b.turnOnAt = time.Now().Add(turnOnEvery)
	err = client.ConfigSet(ctx, "notify-keyspace-events", flags+neededFlags).Err()
	if err != nil && !isAnswer(err) {
		return "", false, err
	}
	if err != nil {
		b.refused.Do(func() {
			h.log().Error("redis does not let the gateway turn keyspace notifications on; turn them on there: notify-keyspace-events "+neededFlags, zap.Error(err))
		})
		return off, false, nil
	}
	h.log().Info("turned redis' keyspace notifications on", zap.String("notify-keyspace-events", flags+neededFlags))
	return on, true, nil
}

// neededFlags are keyspace events (K) of Redis streams (t), and of deleted (g)
// and expired (x) keys.
const neededFlags = "Ktgx"

func notifies(flags string) bool {
	return strings.Contains(flags, "K") && strings.ContainsAny(flags, "tA")
}
