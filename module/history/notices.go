package history

import (
	"context"
	"crypto/rand"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-sse/caddy-sse/module/bus"
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
	heard   map[string]bool // the channels that are heard
	since   time.Time       // when they were asked for
	isAfter chan struct{}   // holds a token when what was published after has come

	came atomic.Bool // a notification of an entry has, since it was looked last
}

func (n *notices) init(prefix string) {
	n.entry, n.after = prefix+noticesKey, "sse.probe."+rand.Text()
	n.isAfter = make(chan struct{}, 1)
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

// listening is the bus' word that it hears one of them.
func (n *notices) listening(channel string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.heard[channel] = true
}

// deaf is the bus' word that it hears nothing any more.
func (n *notices) deaf() {
	n.mu.Lock()
	defer n.mu.Unlock()
	clear(n.heard)
	n.since = time.Now()
	n.came.Store(false)
}

// hear takes what was said to one of them.
func (n *notices) hear(channel, payload string) {
	if channel == n.entry {
		n.notified(payload)
		return
	}
	select {
	case n.isAfter <- struct{}{}:
	default:
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
	select {
	case <-n.isAfter: // of a look that was given up
	default:
	}
	ctx, cancel := context.WithTimeout(ctx, noticeTimeout)
	defer cancel()
	pipe := client.Pipeline()
	added := pipe.XAdd(ctx, &redis.XAddArgs{Stream: noticesKey, MaxLen: 1, Values: []string{"probe", "1"}})
	pipe.PExpire(ctx, noticesKey, noticesTTL)
	published := pipe.Publish(ctx, n.after, "")
	_, _ = pipe.Exec(ctx) // each command has its own error; without an expiry, the key stays
	if err := added.Err(); err != nil {
		return unknown, err
	}
	isAfter := false
	select {
	case <-n.isAfter:
		isAfter = true
	case <-ctx.Done():
	}
	switch {
	case n.came.Swap(false):
		return comes, nil
	case isAfter || bus.Denied(published.Err()):
		return comesNot, nil
	}
	return unknown, nil
}
