package redisbroker

import (
	"context"
	"crypto/rand"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// probeKey is the Redis stream that gateways add to, to see whether they are
	// notified. It holds one entry, and goes when nobody looks any more.
	probeKey = "sse.probe.notifications"
	probeTTL = time.Minute
	// probeTimeout is how long it is waited for what was published after an entry,
	// which may be on its way behind a flood.
	probeTimeout = 5 * time.Second
	// subscribedWithin is how long Redis may take to let the gateway hear of its own
	// entry, after which it counts as not allowed to.
	subscribedWithin = 30 * time.Second
)

// A notificationProbe shows whether keyspace notifications come, by an entry of the
// gateway's own: Redis may be told by anybody to send none, and says so to nobody, and some
// services send none whatever they are told.
//
// After the entry something is published, which is received by the same connection: if
// that comes, and no notification did, none will.
type notificationProbe struct {
	entry string // the channel that the notification comes by
	after string // the channel of what is published after the entry

	mu           sync.Mutex
	isSubscribed map[string]bool          // the channels that are received
	since        time.Time                // when they were asked for
	marks        int                      // that were published
	awaited      map[string]chan struct{} // the marks that are

	came atomic.Bool // a notification of an entry has, since it was looked last
}

func (p *notificationProbe) init(prefix string) {
	p.entry, p.after = prefix+probeKey, "sse.probe."+rand.Text()
	p.awaited = make(map[string]chan struct{})
}

// listen has the broker hear the two channels, once.
func (p *notificationProbe) listen(b interface{ Listen(string) }) {
	p.mu.Lock()
	isFirst := p.isSubscribed == nil
	if isFirst {
		p.isSubscribed, p.since = make(map[string]bool), time.Now()
	}
	p.mu.Unlock()
	if isFirst {
		b.Listen(p.entry)
		b.Listen(p.after)
	}
}

func (p *notificationProbe) has(channel string) bool { return channel == p.entry || channel == p.after }

// subscribed is the broker's word that it hears one of them.
func (p *notificationProbe) subscribed(channel string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.isSubscribed[channel] = true
}

// disconnected is the broker's word that it hears nothing any more.
func (p *notificationProbe) disconnected() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.isSubscribed)
	p.since = time.Now()
	p.came.Store(false)
}

// receive takes what was published to one of them.
func (p *notificationProbe) receive(channel, payload string) {
	if channel == p.entry {
		p.notified(payload)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if came := p.awaited[payload]; came != nil {
		close(came)
		delete(p.awaited, payload)
	}
}

// mark publishes something by the pipeline. When it comes, all notifications have
// come of what Redis did before. It returns nil if it would not be heard; else it is
// to be unmarked.
func (p *notificationProbe) mark(ctx context.Context, pipe redis.Pipeliner) *mark {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.isSubscribed[p.after] {
		return nil
	}
	p.marks++
	m := &mark{text: strconv.Itoa(p.marks), came: make(chan struct{})}
	p.awaited[m.text] = m.came
	m.published = pipe.Publish(ctx, p.after, m.text)
	return m
}

func (p *notificationProbe) unmark(m *mark) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.awaited, m.text)
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
func (p *notificationProbe) notified(payload string) {
	if payload == "xadd" && !p.came.Load() {
		p.came.Store(true)
	}
}

// A probeResult is what is known of the notifications.
type probeResult int

const (
	unknown probeResult = iota // it is as it was, as far as can be known
	working
	notWorking
)

// run adds an entry, and finds out whether a notification comes of it. Where that
// cannot be tried, it returns an error, or, if that may change soon, nothing.
func (p *notificationProbe) run(ctx context.Context, client *redis.Client) (probeResult, error) {
	p.mu.Lock()
	isHeard, since := p.isSubscribed[p.entry] && p.isSubscribed[p.after], p.since
	p.mu.Unlock()
	if !isHeard {
		if time.Since(since) > subscribedWithin {
			return notWorking, nil // Redis denies it
		}
		return unknown, nil
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	pipe := client.Pipeline()
	added := pipe.XAdd(ctx, &redis.XAddArgs{Stream: probeKey, MaxLen: 1, Values: []string{"probe", "1"}})
	pipe.PExpire(ctx, probeKey, probeTTL)
	m := p.mark(ctx, pipe)
	if m == nil {
		return unknown, nil // the connection has just been lost
	}
	defer p.unmark(m)
	_, _ = pipe.Exec(ctx) // each command has its own error; without an expiry, the key stays
	if err := added.Err(); err != nil {
		return unknown, err
	}
	isAfter := m.await(ctx)
	if denied(m.published.Err()) {
		isAfter = true
		<-ctx.Done() // nothing else tells
	}
	switch {
	case p.came.Swap(false):
		return working, nil
	case isAfter:
		return notWorking, nil
	}
	return unknown, nil
}
