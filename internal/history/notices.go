package history

import (
	"context"
	"crypto/rand"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-sse/caddy-sse/internal/bus"
)

const (
	// noticesKey is the Redis stream that gateways add to, to see whether they are
	// notified. It holds one entry, and goes when nobody looks any more.
	noticesKey = "sse.probe.notifications"
	noticesTTL = time.Minute
	// lookEvery is how often it is looked whether notifications come.
	lookEvery = time.Second
	// noticeTimeout is how long it is waited for what was published after an entry,
	// which may be on its way behind a flood.
	noticeTimeout = 5 * time.Second
	// subscribedWithin is how long Redis may take to let the gateway hear of its own
	// entry, after which it counts as not allowed to.
	subscribedWithin = 30 * time.Second
)

// notices show whether keyspace notifications come, by an entry of the gateway's
// own: Redis may be told by anybody to send none, and says so to nobody, and some
// services send none whatever they are told.
//
// After the entry something is published, which is heard by the same connection: if
// that comes, and no notification did, none will.
type notices struct {
	entry string // the channel that the notification comes by
	after string // the channel of what is published after the entry

	mu      sync.Mutex
	heard   map[string]bool          // the channels that are heard
	since   time.Time                // when they were asked for
	marks   int                      // that were published
	awaited map[string]chan struct{} // the marks that are

	came atomic.Bool // a notification of an entry has, since it was looked last
}

func (n *notices) init(prefix string) {
	n.entry, n.after = prefix+noticesKey, "sse.probe."+rand.Text()
	n.awaited = make(map[string]chan struct{})
}

// listen has the bus hear the two channels, once.
func (n *notices) listen(b interface{ Listen(string) }) {
	n.mu.Lock()
	isFirst := n.heard == nil
	if isFirst {
		n.heard, n.since = make(map[string]bool), time.Now()
	}
	n.mu.Unlock()
	if isFirst {
		b.Listen(n.entry)
		b.Listen(n.after)
	}
}

func (n *notices) has(channel string) bool { return channel == n.entry || channel == n.after }

// subscribed is the bus' word that it hears one of them.
func (n *notices) subscribed(channel string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.heard[channel] = true
}

// disconnected is the bus' word that it hears nothing any more.
func (n *notices) disconnected() {
	n.mu.Lock()
	defer n.mu.Unlock()
	clear(n.heard)
	n.since = time.Now()
	n.came.Store(false)
}

// receive takes what was published to one of them.
func (n *notices) receive(channel, payload string) {
	if channel == n.entry {
		n.notified(payload)
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if came := n.awaited[payload]; came != nil {
		close(came)
		delete(n.awaited, payload)
	}
}

// mark publishes something by the pipeline. When it comes, all notifications have
// come of what Redis did before. It returns nil if it would not be heard; else it is
// to be unmarked.
func (n *notices) mark(ctx context.Context, pipe redis.Pipeliner) *mark {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.heard[n.after] {
		return nil
	}
	n.marks++
	m := &mark{text: strconv.Itoa(n.marks), came: make(chan struct{})}
	n.awaited[m.text] = m.came
	m.published = pipe.Publish(ctx, n.after, m.text)
	return m
}

func (n *notices) unmark(m *mark) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.awaited, m.text)
}

// A mark is what was published after something.
type mark struct {
	text      string
	came      chan struct{} // closed when it has
	published *redis.IntCmd
}

// await reports whether the mark has come, at the latest when the context ends.
func (m *mark) await(ctx context.Context) bool {
	if m.published.Err() != nil {
		return false
	}
	select {
	case <-m.came:
		return true
	case <-ctx.Done():
		return false
	}
}

// notified takes a notification, of whatever Redis stream.
func (n *notices) notified(payload string) {
	if payload == "xadd" && !n.came.Load() {
		n.came.Store(true)
	}
}

// A finding is what is known of the notifications.
type finding int

const (
	unknown finding = iota // it is as it was, as far as can be known
	comes
	comesNot
)

// find adds an entry, and finds out whether a notification comes of it. Where that
// cannot be tried, it returns an error, or, if that may change soon, nothing.
func (n *notices) find(ctx context.Context, client *redis.Client) (finding, error) {
	n.mu.Lock()
	isHeard, since := n.heard[n.entry] && n.heard[n.after], n.since
	n.mu.Unlock()
	if !isHeard {
		if time.Since(since) > subscribedWithin {
			return comesNot, nil // Redis denies it
		}
		return unknown, nil
	}
	ctx, cancel := context.WithTimeout(ctx, noticeTimeout)
	defer cancel()
	pipe := client.Pipeline()
	added := pipe.XAdd(ctx, &redis.XAddArgs{Stream: noticesKey, MaxLen: 1, Values: []string{"probe", "1"}})
	pipe.PExpire(ctx, noticesKey, noticesTTL)
	m := n.mark(ctx, pipe)
	if m == nil {
		return unknown, nil // the connection has just been lost
	}
	defer n.unmark(m)
	_, _ = pipe.Exec(ctx) // each command has its own error; without an expiry, the key stays
	if err := added.Err(); err != nil {
		return unknown, err
	}
	isAfter := m.await(ctx)
	if bus.Denied(m.published.Err()) {
		isAfter = true
		<-ctx.Done() // nothing else tells
	}
	switch {
	case n.came.Swap(false):
		return comes, nil
	case isAfter:
		return comesNot, nil
	}
	return unknown, nil
}
