// Package history stands between the bus and the hub. What is published live it hands
// on; of channels that have a history, the Redis stream of the same name, it
// hands on each entry, once and in order, whatever happens to the connection.
//
// What is heard of such a channel is, with one exception, only a wake-up: it is
// the Redis stream that says what there is. A read begins at the last entry that
// was handed over, inclusive: if that is still there, nothing can have been
// missed, and if not, there is a gap. The exception is what the publishing
// script says, since it names the entry before: if that was the last one, this
// is the next.
//
// Each time that the connection has subscribed to a channel, its Redis stream is
// read. Whatever was added before is found by that; whatever is added later wakes
// the channel.
package history

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/semaphore"

	"github.com/caddy-sse/caddy-sse/internal/bus"
	"github.com/caddy-sse/caddy-sse/internal/eventstream"
	"github.com/caddy-sse/caddy-sse/internal/hub"
	"github.com/caddy-sse/caddy-sse/internal/ratelog"
)

// auditEvery is how often each channel is read though nothing has woken it, about.
// It bounds how late an entry arrives that woke nobody.
const auditEvery = 45 * time.Second

// A History follows the histories of channels. It is the hub's source, and
// listens to the bus.
//
// Locks are taken in this order: a channel's, since entries are handed over under
// it, the hub's, and then those of this type, of the notifier and of the watchers,
// since the hub holds its own when it calls.
type History struct {
	bus          *bus.Bus
	hub          *hub.Hub
	log          func() *zap.Logger
	reads        reads
	notifier     notifier
	unmatched    unmatchedTotal
	refusals     refusals
	disconnected atomic.Bool
	count        atomic.Uint64 // of reads

	backfills  *semaphore.Weighted
	unread     atomic.Uint64
	unreadable ratelog.Limiter

	mu       sync.Mutex
	channels map[string]*channel

	ctx    context.Context
	cancel context.CancelFunc
	ending sync.Mutex // while work may grow
	work   sync.WaitGroup
}

// Options are a history's settings.
type Options struct {
	// KeyspaceNotifications has Redis turn on keyspace notifications of Redis
	// streams, where they are off.
	KeyspaceNotifications bool
}

// New makes a history that does nothing until Start.
func New(b *bus.Bus, o Options, log func() *zap.Logger) *History {
	h := &History{bus: b, log: log, channels: make(map[string]*channel), backfills: semaphore.NewWeighted(maxBackfills)}
	h.disconnected.Store(true)
	h.ctx, h.cancel = context.WithCancel(context.Background())
	h.reads.init()
	h.notifier.init(b, o)
	return h
}

// Start hands what is received to the hub, whose source h is.
func (h *History) Start(to *hub.Hub) {
	if h.hub != nil {
		return
	}
	h.hub = to
	for range readers {
		h.work.Go(h.read)
	}
	h.work.Go(h.audit)
	h.work.Go(func() { h.notifier.checkRegularly(h) })
	h.bus.Start(h)
}

// spawn does f in the background, unless the history is closed, which waits for
// it.
func (h *History) spawn(f func()) {
	h.ending.Lock()
	defer h.ending.Unlock()
	if h.ctx.Err() == nil {
		h.work.Go(f)
	}
}

// Close ends it, and the bus.
func (h *History) Close() {
	h.ending.Lock()
	h.cancel()
	h.ending.Unlock()
	h.bus.Close()
	h.work.Wait()
}

// Listen has the bus listen to a channel without history.
func (h *History) Listen(channel string) { h.bus.Listen(channel) }

// Forget takes Listen back.
func (h *History) Forget(channel string) { h.bus.Forget(channel) }

// Follow hands f the channel's history as it grows.
func (h *History) Follow(name string, f hub.Follower) {
	c := &channel{name: name, follower: f, history: h, auditSecond: rand.N(auditEvery / time.Second)}
	h.mu.Lock()
	h.channels[name] = c
	h.mu.Unlock()
	h.bus.Listen(name)
	h.notifier.watch(h, c)
}

// Unfollow takes Follow back.
func (h *History) Unfollow(name string) {
	h.mu.Lock()
	c := h.channels[name]
	delete(h.channels, name)
	h.mu.Unlock()
	h.bus.Forget(name)
	h.notifier.unwatch(c)
	h.refusals.remove(name)
}

func (h *History) channel(name string) *channel {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.channels[name]
}

// all are the channels that are followed now.
func (h *History) all() []*channel {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := make([]*channel, 0, len(h.channels))
	for _, c := range h.channels {
		all = append(all, c)
	}
	return all
}

// Subscribed is the bus' word that it receives a channel.
func (h *History) Subscribed(name string) {
	if h.disconnected.Swap(false) {
		h.notifier.reconnected(h)
	}
	if h.notifier.probe.has(name) {
		h.notifier.probe.subscribed(name)
		return
	}
	if key, ok := h.notifier.key(name); ok {
		if c := h.channel(key); c != nil {
			c.interrupted() // what was added before was not heard of
		}
		return
	}
	if c := h.channel(name); c != nil {
		c.interrupted()
	}
	h.hub.Subscribed(name)
}

// Message is the bus' word of what was published.
func (h *History) Message(name, payload string) {
	if h.notifier.probe.has(name) {
		h.notifier.probe.receive(name, payload)
		return
	}
	if key, ok := h.notifier.key(name); ok {
		h.notifier.probe.notified(payload)
		c := h.channel(key)
		if c != nil {
			c.notified(payload)
		}
		return
	}
	if signal, ok := eventstream.ParseSignal(payload); ok {
		h.hub.Signal(name, signal)
		return
	}
	if c := h.channel(name); c != nil {
		c.receive(payload)
	}
	h.hub.Message(name, payload)
}

// Disconnected is the bus' word that it receives nothing any more.
func (h *History) Disconnected() {
	h.disconnected.Store(true)
	h.notifier.probe.disconnected()
	h.hub.Disconnected()
}

// Reads counts the reads of channels' Redis streams.
func (h *History) Reads() uint64 { return h.count.Load() }

// audit reads each channel now and then.
func (h *History) audit() {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for n := time.Duration(0); ; n++ {
		select {
		case <-tick.C:
		case <-h.ctx.Done():
			return
		}
		if h.disconnected.Load() {
			continue
		}
		for _, c := range h.all() {
			if c.auditSecond == n%(auditEvery/time.Second) {
				c.wake()
			}
		}
	}
}

var (
	_ bus.Listener = (*History)(nil)
	_ hub.Source   = (*History)(nil)
)
