// Package feed stands between the broker and the hub. What is published live it hands
// on; of channels that have a history, which in Redis is the Redis stream of the same
// name, it hands on each entry, once and in order, whatever happens to the connection.
//
// What is received of such a channel is, with one exception, only a wake-up: it is
// the Redis stream that says what there is. A read begins at the last entry that
// was handed over, inclusive: if that is still there, nothing can have been
// missed, and if not, there is a gap. The exception is what the publishing
// script says, since it names the entry before: if that was the last one, this
// is the next.
//
// Each time that the connection has subscribed to a channel, its Redis stream is
// read. Whatever was added before is found by that; whatever is added later wakes
// the channel.
package feed

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/semaphore"

	"github.com/caddy-sse/caddy-sse/internal/broker"
	"github.com/caddy-sse/caddy-sse/internal/hub"
	"github.com/caddy-sse/caddy-sse/internal/protocol"
	"github.com/caddy-sse/caddy-sse/internal/ratelog"
)

// auditEvery is how often each channel is read though nothing has woken it, about.
// It bounds how late an entry arrives that woke nobody.
const auditEvery = 45 * time.Second

// A Broker is what a feed needs of one.
type Broker interface {
	broker.Subscriber
	broker.Histories
}

// A Feed follows the histories of channels. It is the hub's source, and
// listens to the broker.
//
// Locks are taken in this order: a channel's, since entries are handed over under
// it, the hub's, and then those of this type and of the broker, since the hub holds its
// own when it calls.
type Feed struct {
	broker       Broker
	hub          *hub.Hub
	log          func() *zap.Logger
	reads        reads
	unmatched    unmatchedTotal
	refusals     refusals
	disconnected atomic.Bool
	count        atomic.Uint64 // of reads

	backfills  *semaphore.Weighted
	unread     atomic.Uint64
	unreadable ratelog.Limiter

	// Stopped, if it is set before Start, is called with what is published to
	// [protocol.StopChannel].
	Stopped func(payload string)

	mu       sync.Mutex
	channels map[string]*channel

	ctx    context.Context
	cancel context.CancelFunc
	ending sync.Mutex // while work may grow
	work   sync.WaitGroup
}

// New makes a feed that does nothing until Start.
func New(b Broker, log func() *zap.Logger) *Feed {
	f := &Feed{broker: b, log: log, channels: make(map[string]*channel), backfills: semaphore.NewWeighted(maxBackfills)}
	f.disconnected.Store(true)
	f.ctx, f.cancel = context.WithCancel(context.Background())
	f.reads.init()
	return f
}

// Start hands what is received to the hub, whose source f is.
func (f *Feed) Start(to *hub.Hub) {
	if f.hub != nil {
		return
	}
	f.hub = to
	for range readers {
		f.work.Go(f.read)
	}
	f.work.Go(f.audit)
	f.broker.Start(f)
}

// spawn does it in the background, unless the feed is closed, which waits for
// it.
func (f *Feed) spawn(do func()) {
	f.ending.Lock()
	defer f.ending.Unlock()
	if f.ctx.Err() == nil {
		f.work.Go(do)
	}
}

// Close ends it, and the broker.
func (f *Feed) Close() {
	f.ending.Lock()
	f.cancel()
	f.ending.Unlock()
	f.broker.Close()
	f.work.Wait()
}

// Listen has the broker listen to a channel without history.
func (f *Feed) Listen(channel string) { f.broker.Listen(channel) }

// Forget takes Listen back.
func (f *Feed) Forget(channel string) { f.broker.Forget(channel) }

// Follow hands the follower the channel's history as it grows.
func (f *Feed) Follow(name string, follower hub.Follower) {
	c := &channel{name: name, follower: follower, feed: f, auditSecond: rand.N(auditEvery / time.Second)}
	f.mu.Lock()
	f.channels[name] = c
	f.mu.Unlock()
	f.broker.Listen(name)
	f.broker.Watch(name, c)
}

// Unfollow takes Follow back.
func (f *Feed) Unfollow(name string) {
	f.mu.Lock()
	delete(f.channels, name)
	f.mu.Unlock()
	f.broker.Forget(name)
	f.broker.Unwatch(name)
	f.refusals.remove(name)
}

func (f *Feed) channel(name string) *channel {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.channels[name]
}

// all are the channels that are followed now.
func (f *Feed) all() []*channel {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := make([]*channel, 0, len(f.channels))
	for _, c := range f.channels {
		all = append(all, c)
	}
	return all
}

// Connected is the broker's word that it receives something again.
func (f *Feed) Connected() {
	f.disconnected.Store(false)
}

// Subscribed is the broker's word that it receives a channel.
func (f *Feed) Subscribed(name string) {
	if c := f.channel(name); c != nil {
		c.interrupted()
	}
	f.hub.Subscribed(name)
}

// Message is the broker's word of what was published.
func (f *Feed) Message(name, payload string) {
	if name == protocol.StopChannel && f.Stopped != nil {
		f.Stopped(payload)
		return
	}
	if signal, ok := protocol.ParseSignal(payload); ok {
		f.hub.Signal(name, signal)
		return
	}
	if each, ok := protocol.SplitStored(payload); ok {
		if c := f.channel(name); c != nil {
			c.receiveAll(each)
		}
		for _, payload := range each {
			f.hub.Message(name, payload)
		}
		return
	}
	if c := f.channel(name); c != nil {
		c.receive(payload)
	}
	f.hub.Message(name, payload)
}

// Unsubscribed is the broker's word that it does not receive these channels any more.
func (f *Feed) Unsubscribed(names []string) {
	for _, name := range names {
		if c := f.channel(name); c != nil {
			c.Missed()
		}
	}
	f.hub.Unsubscribed(names)
}

// Disconnected is the broker's word that it receives nothing any more.
func (f *Feed) Disconnected() {
	f.disconnected.Store(true)
	f.hub.Disconnected()
}

// Reads counts the reads of channels' Redis streams.
func (f *Feed) Reads() uint64 { return f.count.Load() }

// audit reads each channel now and then.
func (f *Feed) audit() {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for n := time.Duration(0); ; n++ {
		select {
		case <-tick.C:
		case <-f.ctx.Done():
			return
		}
		if f.disconnected.Load() {
			continue
		}
		for _, c := range f.all() {
			if c.auditSecond == n%(auditEvery/time.Second) {
				c.wake()
			}
		}
	}
}

var (
	_ broker.Listener = (*Feed)(nil)
	_ hub.Source      = (*Feed)(nil)
)
