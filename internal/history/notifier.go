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

// A notifier wakes channels when an entry is added by a plain XADD: Redis' keyspace
// notifications, where they are on (https://redis.io/docs/latest/develop/pubsub/keyspace-notifications/),
// else clients that wait at the Redis streams.
type notifier struct {
	bus     *bus.Bus
	options Options
	prefix  string      // of the channels that keyspace notifications come by
	isOn    atomic.Bool // the notifications
	// isMissed: they are not, though they were, or are to be.
	isMissed atomic.Bool
	probe    notificationProbe
	askMu    sync.Mutex
	turnOnAt time.Time // not before; of who asks
	writeAt  time.Time // not before, since it was denied; of who checks
	blind    sync.Once
	refused  sync.Once

	mu       sync.Mutex
	known    bool // whether they are on
	setting  setting
	watched  map[*channel]struct{}
	watchers watchers
}

func (n *notifier) init(on *bus.Bus, o Options) {
	n.bus, n.options = on, o
	n.prefix = fmt.Sprintf("__keyspace@%d__:", on.Client().Options().DB)
	n.watched = make(map[*channel]struct{})
	n.probe.init(n.prefix)
}

// key is the key that a keyspace notification is about.
func (n *notifier) key(channel string) (key string, ok bool) {
	if !n.isOn.Load() {
		return "", false
	}
	return strings.CutPrefix(channel, n.prefix)
}

// watch has the channel woken by each entry that is added.
func (n *notifier) watch(h *History, c *channel) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.watched[c] = struct{}{}
	switch {
	case n.isOn.Load():
		n.bus.Listen(n.prefix + c.name)
	case n.known:
		n.watchers.add(h, c)
	}
}

// covers reports whether each entry that is added to the channel's Redis stream is
// heard of.
func (n *notifier) covers(c *channel) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.isOn.Load() || n.watchers.have(c)
}

// unwatch takes watch back.
func (n *notifier) unwatch(c *channel) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.watched, c)
	if n.isOn.Load() {
		n.bus.Forget(n.prefix + c.name)
	}
	n.watchers.remove(c)
}

// reconnected asks the server whether it notifies: it may be another now.
func (n *notifier) reconnected(h *History) {
	h.spawn(func() {
		ctx, cancel := context.WithTimeout(h.ctx, readTimeout)
		defer cancel()
		n.askMu.Lock()
		defer n.askMu.Unlock()
		n.turnOnAt = time.Time{}
		switch setting, _, err := n.ask(ctx, h); {
		case err == nil:
			n.change(h, setting, setting == on || setting == silent && n.options.KeyspaceNotifications)
		case !h.disconnected.Load():
			time.AfterFunc(watchFor, func() { n.reconnected(h) })
		}
	})
}

// checkRegularly checks again and again.
func (n *notifier) checkRegularly(h *History) {
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if !h.disconnected.Load() {
				n.check(h)
			}
		case <-h.ctx.Done():
			return
		}
	}
}

// check finds out whether notifications come. It does nothing while they do, nor
// where nobody has asked for them and the server does not say that it has any.
func (n *notifier) check(h *History) {
	n.mu.Lock()
	setting, isUsed := n.setting, n.known && len(n.watched) > 0
	n.mu.Unlock()
	if !isUsed || setting == silent && !n.options.KeyspaceNotifications {
		return
	}
	if setting != off {
		n.probe.listen(n.bus)
	}
	if came := n.probe.came.Swap(false); came && n.isOn.Load() {
		return
	}
	found := unknown
	var unwritten error
	if setting != off && time.Now().After(n.writeAt) {
		if found, unwritten = n.probe.run(h.ctx, n.bus.Client()); found == unknown && unwritten == nil {
			return
		}
		if bus.Final(unwritten) {
			n.writeAt = time.Now().Add(writeAgain)
		}
	}
	if found == working {
		n.change(h, setting, true)
		return
	}
	ctx, cancel := context.WithTimeout(h.ctx, readTimeout)
	defer cancel()
	n.askMu.Lock()
	defer n.askMu.Unlock()
	says, isNew, err := n.ask(ctx, h)
	switch {
	case err != nil || h.disconnected.Load():
	case found == notWorking, says != silent:
		isOn := isNew || found != notWorking && says == on && (setting == off || n.isOn.Load())
		if n.change(h, says, isOn) || isNew {
			n.interrupted() // nothing may have woken them for a while
		}
	case bus.Final(unwritten):
		n.blind.Do(func() {
			h.log().Warn("it cannot be known whether keyspace notifications come: redis takes no entry of the gateway's own, "+
				probeKey+", and does not say whether they are on", zap.Error(unwritten))
		})
	}
}

// change takes down what the server says and whether notifications come, and has all
// channels woken by what there is. It reports whether that is another than before.
func (n *notifier) change(h *History, setting setting, isOn bool) (isNews bool) {
	n.mu.Lock()
	was, wasKnown := n.isOn.Swap(isOn), n.known
	n.setting, n.known = setting, true
	if wasKnown && was == isOn {
		n.mu.Unlock()
		return false
	}
	for c := range n.watched {
		c.interruptions.Add(1)
		switch {
		case isOn:
			n.watchers.remove(c)
			n.bus.Listen(n.prefix + c.name)
		default:
			if was {
				n.bus.Forget(n.prefix + c.name)
			}
			n.watchers.add(h, c)
		}
	}
	wasMissed := n.isMissed.Swap(!isOn && (was || n.options.KeyspaceNotifications))
	isMissed := n.isMissed.Load()
	n.mu.Unlock()
	switch {
	case isMissed && !wasMissed:
		h.log().Warn(unnotified, zap.String("redis_says", string(setting)))
	case wasMissed && isOn:
		h.log().Info("redis' keyspace notifications come again")
	}
	return wasKnown
}

// interrupted has all channels read.
func (n *notifier) interrupted() {
	n.mu.Lock()
	all := slices.Collect(maps.Keys(n.watched))
	n.mu.Unlock()
	for _, c := range all { // not under the lock, which is taken under a channel's
		c.interrupted()
	}
}

const unnotified = "keyspace notifications do not come; entries are waited for at the Redis streams, by XREAD, and where there are too many arrive within a minute"

// Unnotified says in a sentence that keyspace notifications are to come, or did,
// and do not; empty if that is not so.
func (h *History) Unnotified() string {
	if h.notifier.isMissed.Load() {
		return unnotified
	}
	return ""
}

// A setting is what the server says of its notifications.
type setting string

const (
	on     setting = "on"
	off    setting = "off"
	silent setting = "nothing" // managed services keep CONFIG to themselves
)

// writeAgain is after how long an entry of the gateway's own is tried again that
// Redis has denied: it notes each try.
const writeAgain = time.Minute

// turnOnEvery is how often notifications are turned on that somebody else turns
// off.
const turnOnEvery = time.Minute

// ask asks the server whether it notifies, having turned it on if it is to: isNew
// then. It is called by one at a time.
func (n *notifier) ask(ctx context.Context, h *History) (setting setting, isNew bool, err error) {
	client := n.bus.Client()
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
	if !n.options.KeyspaceNotifications || time.Now().Before(n.turnOnAt) {
		return off, false, nil
	}
	n.turnOnAt = time.Now().Add(turnOnEvery)
	err = client.ConfigSet(ctx, "notify-keyspace-events", flags+neededFlags).Err()
	if err != nil && !isAnswer(err) {
		return "", false, err
	}
	if err != nil {
		n.refused.Do(func() {
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
