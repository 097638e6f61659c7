package redisbroker

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

	"github.com/caddy-sse/caddy-sse/internal/broker"
	"github.com/caddy-sse/caddy-sse/internal/ratelog"
)

// A notifier wakes channels when an entry is added by a plain XADD: Redis' keyspace
// notifications, where they are on (https://redis.io/docs/latest/develop/pubsub/keyspace-notifications/),
// else clients that wait at the Redis streams.
type notifier struct {
	broker *Broker
	// isWanted: Redis is to be told to notify.
	isWanted bool
	prefix   string      // of the channels that keyspace notifications come by
	isOn     atomic.Bool // the notifications
	// isMissed: they are not, though they were, or are to be.
	isMissed atomic.Bool
	probe    notificationProbe
	askMu    sync.Mutex
	writeAt  time.Time // not before, since it was denied; of who checks
	blind    sync.Once
	refused  sync.Once
	partial  ratelog.Limiter

	mu       sync.Mutex
	known    bool // whether they are on
	setting  setting
	watched  map[string]*watched
	watchers watchers
}

func (n *notifier) init(b *Broker, s *Settings) {
	n.broker, n.isWanted = b, s.KeyspaceNotifications
	n.prefix = fmt.Sprintf("__keyspace@%d__:", s.DB)
	n.watched = make(map[string]*watched)
	n.probe.init(n.prefix)
}

// A watched channel is one whose history has a watcher.
type watched struct {
	broker.Watcher
	channel string
}

// interrupted has the watcher read, since it may not have been told something.
func (w *watched) interrupted() {
	w.Missed()
	w.Changed()
}

// notified tells the watcher what a keyspace notification says.
func (w *watched) notified(event string) {
	switch event {
	case "xadd":
		w.Added()
	case "del", "expired", "evicted", "rename_from", "move_from", "expire", "persist":
		w.Changed()
	default:
		if strings.HasPrefix(event, "x") {
			w.Changed()
			return
		}
		w.interrupted() // something else has come to be there
	}
}

// Watch has the watcher told what happens; see [broker.Histories].
func (b *Broker) Watch(channel string, w broker.Watcher) {
	b.notifier.watch(&watched{w, channel})
}

// Unwatch takes Watch back.
func (b *Broker) Unwatch(channel string) { b.notifier.unwatch(channel) }

// Covers reports whether the watcher is told of each entry; see [broker.Histories].
func (b *Broker) Covers(channel string) bool { return b.notifier.covers(channel) }

// Counts reports whether keyspace notifications come.
func (b *Broker) Counts() bool { return b.cluster == nil && b.notifier.isOn.Load() }

// key is the key that a keyspace notification is about.
func (n *notifier) key(channel string) (key string, ok bool) {
	if !n.isOn.Load() {
		return "", false
	}
	return strings.CutPrefix(channel, n.prefix)
}

// watching is the watched channel of that name; nil: nobody watches it.
func (n *notifier) watching(channel string) *watched {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.watched[channel]
}

// subscribed takes that a channel is received, and reports whether it is one of its own.
func (n *notifier) subscribed(channel string) bool {
	if n.probe.has(channel) {
		n.probe.subscribed(channel)
		return true
	}
	key, ok := n.key(channel)
	if ok {
		if w := n.watching(key); w != nil {
			w.interrupted() // of what was added before, nothing was received
		}
	}
	return ok
}

// unsubscribed takes that a channel is not received any more, and reports whether it is
// one of its own.
func (n *notifier) unsubscribed(channel string) bool {
	key, ok := n.key(channel)
	if ok {
		if w := n.watching(key); w != nil {
			w.Missed()
		}
	}
	return ok
}

// keyOf is the key by whose slot a channel is received: that which a notification is
// about, else the channel's name.
func (n *notifier) keyOf(channel string) string { return strings.TrimPrefix(channel, n.prefix) }

// receive takes what was published to a channel, and reports whether that is one of its
// own.
func (n *notifier) receive(channel, payload string) bool {
	if n.probe.has(channel) {
		n.probe.receive(channel, payload)
		return true
	}
	key, ok := n.key(channel)
	if ok {
		n.probe.notified(payload)
		if w := n.watching(key); w != nil {
			w.notified(payload)
		}
	}
	return ok
}

// watch has the channel woken by each entry that is added.
func (n *notifier) watch(w *watched) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.watched[w.channel] = w
	switch {
	case n.isOn.Load():
		n.broker.Listen(n.prefix + w.channel)
	case n.known:
		n.watchers.add(n.broker, w)
	}
}

// covers reports whether each entry that is added to the channel's Redis stream is
// heard of.
func (n *notifier) covers(channel string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.isOn.Load() || n.watchers.have(n.watched[channel])
}

// unwatch takes watch back.
func (n *notifier) unwatch(channel string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	w := n.watched[channel]
	delete(n.watched, channel)
	if n.isOn.Load() {
		n.broker.Forget(n.prefix + channel)
	}
	n.watchers.remove(w)
}

// reconnected asks the server whether it notifies: it may be another now.
func (n *notifier) reconnected() {
	n.broker.spawn(func() {
		ctx, cancel := context.WithTimeout(n.broker.ctx, answerTimeout)
		defer cancel()
		n.askMu.Lock()
		defer n.askMu.Unlock()
		for _, server := range n.broker.servers() {
			server.turnOnAt = time.Time{}
		}
		switch setting, _, err := n.ask(ctx); {
		case err == nil:
			n.change(setting, setting == on || setting == silent && n.isWanted)
		case n.broker.isReceiving():
			time.AfterFunc(watchFor, func() { n.reconnected() })
		}
	})
}

// checkRegularly checks again and again.
func (n *notifier) checkRegularly() {
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if n.broker.isReceiving() {
				n.check()
			}
		case <-n.broker.ctx.Done():
			return
		}
	}
}

// check finds out whether notifications come. It does nothing while they do, nor
// where nobody has asked for them and the server does not say that it has any.
func (n *notifier) check() {
	n.mu.Lock()
	setting, isUsed := n.setting, n.known && len(n.watched) > 0
	n.mu.Unlock()
	if !isUsed || setting == silent && !n.isWanted {
		return
	}
	if n.broker.cluster != nil {
		n.checkCluster()
		return
	}
	if setting != off {
		n.probe.listen(n.broker)
	}
	if came := n.probe.came.Swap(false); came && n.isOn.Load() {
		return
	}
	found := unknown
	var unwritten error
	if setting != off && time.Now().After(n.writeAt) {
		found, unwritten = n.probe.run(n.broker.ctx, n.broker.server.client)
		if found == unknown && unwritten == nil {
			return
		}
		if final(unwritten) {
			n.writeAt = time.Now().Add(writeAgain)
		}
	}
	if found == working {
		n.change(setting, true)
		return
	}
	ctx, cancel := context.WithTimeout(n.broker.ctx, answerTimeout)
	defer cancel()
	n.askMu.Lock()
	defer n.askMu.Unlock()
	says, isNew, err := n.ask(ctx)
	switch {
	case err != nil || !n.broker.isReceiving():
	case found == notWorking, says != silent:
		isOn := isNew || found != notWorking && says == on && (setting == off || n.isOn.Load())
		if n.change(says, isOn) || isNew {
			n.interrupted() // nothing may have woken them for a while
		}
	case final(unwritten):
		n.blind.Do(func() {
			n.broker.log().Warn("it cannot be known whether keyspace notifications come: redis takes no entry of the gateway's own, "+
				probeKey+", and does not say whether they are on", zap.Error(unwritten))
		})
	}
}

// change takes down what the server says and whether notifications come, and has all
// channels woken by what there is. It reports whether that is another than before.
func (n *notifier) change(setting setting, isOn bool) (isNews bool) {
	n.mu.Lock()
	was, wasKnown := n.isOn.Swap(isOn), n.known
	n.setting, n.known = setting, true
	if wasKnown && was == isOn {
		n.mu.Unlock()
		return false
	}
	for channel, w := range n.watched {
		w.Missed()
		switch {
		case isOn:
			n.watchers.remove(w)
			n.broker.Listen(n.prefix + channel)
		default:
			if was {
				n.broker.Forget(n.prefix + channel)
			}
			n.watchers.add(n.broker, w)
		}
	}
	wasMissed := n.isMissed.Swap(!isOn && (was || n.isWanted))
	isMissed := n.isMissed.Load()
	n.mu.Unlock()
	switch {
	case isMissed && !wasMissed:
		n.broker.log().Warn(unnotified, zap.String("redis_says", string(setting)))
	case wasMissed && isOn:
		n.broker.log().Info("redis' keyspace notifications come again")
	}
	return wasKnown
}

// interrupted has all channels read.
func (n *notifier) interrupted() {
	n.mu.Lock()
	all := slices.Collect(maps.Values(n.watched))
	n.mu.Unlock()
	for _, w := range all { // not under the lock, which is taken under a watcher's
		w.interrupted()
	}
}

const unnotified = "keyspace notifications do not come; entries are waited for at the Redis streams, by XREAD, and where there are too many arrive within a minute"

// warning says that keyspace notifications are to come, or did, and do not; empty if
// that is not so.
func (n *notifier) warning() string {
	if n.isMissed.Load() {
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
func (n *notifier) ask(ctx context.Context) (setting setting, isNew bool, err error) {
	if n.broker.cluster != nil {
		return n.askAll(ctx)
	}
	return n.askNode(ctx, n.broker.server)
}

// askNode asks one server.
func (n *notifier) askNode(ctx context.Context, server *node) (setting setting, isNew bool, err error) {
	client := server.client
	reply, err := client.ConfigGet(ctx, "notify-keyspace-events").Result()
	if err != nil {
		if causeOf(err).Answered() {
			return silent, false, nil
		}
		return "", false, err
	}
	flags := reply["notify-keyspace-events"]
	if notifies(flags) {
		return on, false, nil
	}
	if !n.isWanted || time.Now().Before(server.turnOnAt) {
		return off, false, nil
	}
	server.turnOnAt = time.Now().Add(turnOnEvery)
	err = client.ConfigSet(ctx, "notify-keyspace-events", flags+neededFlags).Err()
	if err != nil && !causeOf(err).Answered() {
		return "", false, err
	}
	if err != nil {
		n.refused.Do(func() {
			n.broker.log().Error("redis does not let the gateway turn keyspace notifications on; turn them on there: notify-keyspace-events "+neededFlags, zap.Error(err))
		})
		return off, false, nil
	}
	n.broker.log().Info("turned redis' keyspace notifications on", zap.String("address", server.where()), zap.String("notify-keyspace-events", flags+neededFlags))
	return on, true, nil
}

// neededFlags are keyspace events (K) of Redis streams (t), and of deleted (g)
// and expired (x) keys.
const neededFlags = "Ktgx"

func notifies(flags string) bool {
	return strings.Contains(flags, "K") && strings.ContainsAny(flags, "tA")
}
