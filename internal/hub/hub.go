// Package hub is who listens to what: channels, what they remember, their
// subscribers, and the fan-out of each event to them. It knows neither Redis nor
// HTTP.
//
// The hub itself keeps the register of channels, behind one lock. The
// subscribers are shared out among loops, one a core, and each belongs to its
// loop alone, so that fan-out takes no lock.
package hub

import (
	"context"
	crand "crypto/rand"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/protocol"
)

// A Hub hands what its source receives to the subscribers of each channel, in the
// order in which it is received.
type Hub struct {
	source Source
	loops  []*Loop
	epoch  string // of this hub's event IDs

	mu          sync.Mutex
	live        map[string]*channel
	histories   map[string]*channel
	number      uint64 // of the newest live event
	memory      memory
	lingering   int // channels that nobody subscribes to any more
	subscribers int
	joined      int // since the beginning
	closed      bool
	drainedAt   time.Time // when it has closed all, if closed
	away        away
	// Until then somebody may have gaps pending.
	pendingGapsUntil time.Time
	empty            chan struct{} // closed when it is closed and everyone has left

	counts    counts
	malformed atomic.Uint64
	notUTF8   atomic.Uint64
	gaps      [len(protocol.Reasons)]atomic.Uint64
	gapSpread atomic.Int64 // a time.Duration

	// Delivered, if it is set before the first subscriber joins, is called with how long
	// events took from when they were received until they were written to the sockets
	// of a loop, or handed to those who write to others. It is called in the loop.
	Delivered func(time.Duration)

	// NotUTF8, if it is set before the first subscriber joins, is called with a text that
	// a channel was said and that is not UTF-8, and reports whether it has said so:
	// it is then not called for the channel again, as long as that is there. It must
	// not block, nor call the hub.
	NotUTF8 func(channel, text string) (isSaid bool)
}

// New makes a hub of that many loops.
func New(source Source, loops int) *Hub {
	h := &Hub{
		source:    source,
		epoch:     strings.ToLower(crand.Text()[:8]),
		live:      make(map[string]*channel),
		histories: make(map[string]*channel),
		empty:     make(chan struct{}),
	}
	h.SpreadGaps(DefaultGapSpread)
	h.memory.limit = DefaultMemory
	for i := range loops {
		h.loops = append(h.loops, newLoop(h, i))
	}
	return h
}

// DefaultMemory is how many bytes all channels together remember, with what waits
// in the loops' inboxes, unless [Hub.LimitMemory] says otherwise.
const DefaultMemory = 128 << 20

// LimitMemory sets how many bytes all channels together may remember. Past it
// the oldest event of all is forgotten first. A quarter of it at most, or 64 KiB a
// loop, is what waits for the loops to hand it on: it counts, too, and those for
// whom more would wait get a gap instead.
func (h *Hub) LimitMemory(bytes int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.memory.limit = bytes
	h.memory.trim()
}

// Join enters s into its channels: from here on it gets their events, which
// wait until it is attached to an outlet. Everyone who joins has to leave.
func (h *Hub) Join(s *Subscriber) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s.hub = h
	s.loop = h.loops[h.joined%len(h.loops)]
	h.joined++
	s.id = uint64(h.joined)
	h.subscribers++
	closed, rest := h.closed, max(0, time.Until(h.drainedAt))
	s.loop.Do(func() { s.loop.add(s) })
	for i := range s.states {
		c := h.channel(s.request.Channels[i].Channel, s.request.History)
		s.states[i].channel = c
		c.addSubscriber(s.request.Retention)
		if !c.begun {
			s.unbegun++
			if c.waiting == nil {
				c.waiting = make(map[slot]struct{})
			}
			c.waiting[slot{s, i}] = struct{}{}
			c.reportUnreadable(s)
		}
	}
	h.resume(s)
	s.loop.Do(func() {
		s.checkReady()
		if closed {
			s.closeWith(s.lastFrameAfter(rest), ErrClosed)
		}
	})
}

// Open says that the page now counts on hearing everything: what s misses from
// here on, it is told of.
func (h *Hub) Open(s *Subscriber) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s.opened = true
	s.loop.Do(func() { s.open = true })
	h.resume(s)
}

// Attach gives s the outlet for what waits for it, and for what comes. It is
// made in the loop that s belongs to.
func (h *Hub) Attach(s *Subscriber, outlet func(*Loop) Outlet) {
	s.loop.Do(func() { s.attach(outlet(s.loop)) })
}

// Leave takes s out of its channels. A second call does nothing.
func (h *Hub) Leave(s *Subscriber) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s.left {
		return
	}
	s.left = true
	for i := range s.states {
		st := &s.states[i]
		c := st.channel
		switch {
		case st.group != nil:
			c.leave(st.group, s.loop)
		case st.replay != nil:
			delete(c.behind, st.replay)
			delete(c.ahead, st.replay)
			st.replay.release()
		default:
			delete(c.waiting, slot{s, i})
		}
		c.removeSubscriber(h.closed)
	}
	s.loop.Do(func() { s.loop.remove(s) })
	h.subscribers--
	h.checkEmpty()
}

// Close closes all subscribers, spread over the time drain, each with a
// reconnection time of its own to end with, so that they come to other gateways
// as a trickle. Those who join meanwhile are closed at once. It returns when
// all have left, or some time after the drain, or when ctx ends.
func (h *Hub) Close(ctx context.Context, drain time.Duration) {
	h.mu.Lock()
	first := !h.closed
	h.closed = true
	if first {
		h.drainedAt = time.Now().Add(drain)
		h.checkEmpty()
		for _, l := range h.loops {
			l.Do(func() { l.drain(drain) })
		}
	}
	h.mu.Unlock()

	timeout := time.NewTimer(drain + closeGrace)
	defer timeout.Stop()
	select {
	case <-h.empty:
	case <-timeout.C:
	case <-ctx.Done():
	}
}

// lastWords is how long after the drain [Hub.Close] waits for those who are
// slow to take what they were sent.
const closeGrace = time.Second

// checkEmpty tells [Hub.Close] when nobody is left.
func (h *Hub) checkEmpty() {
	if !h.closed || h.subscribers > 0 {
		return
	}
	select {
	case <-h.empty:
	default:
		close(h.empty)
	}
}

// spread is a random part of d.
func spread(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return rand.N(d)
}
