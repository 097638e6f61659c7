// Package hub is who listens to what: channels, their subscribers, and the
// fan-out of each payload to them. It knows neither Redis nor HTTP.
//
// The hub itself keeps the register of channels, behind one lock. The
// subscribers are shared out among loops, one a core, and each belongs to its
// loop alone, so that fan-out takes no lock.
package hub

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddy-sse/caddy-sse/module/eventstream"
)

// A Source is where channels are heard. The hub asks it to listen to each
// channel that has subscribers, once, and to forget it when they have left.
// Neither call may block, nor call the hub back before it returns.
type Source interface {
	Listen(channel string)
	Forget(channel string)
}

// A Hub hands what its source hears to the subscribers of each channel, in the
// order in which it is heard.
type Hub struct {
	source Source
	loops  []*Loop

	mu          sync.Mutex
	channels    map[string]*channel
	subscribers int
	joined      int // since the beginning
	closed      bool
	empty       chan struct{} // closed when it is closed and everyone has left

	malformed atomic.Uint64
}

// New makes a hub of that many loops.
func New(source Source, loops int) *Hub {
	h := &Hub{
		source:   source,
		channels: make(map[string]*channel),
		empty:    make(chan struct{}),
	}
	for i := range loops {
		h.loops = append(h.loops, newLoop(i))
	}
	return h
}

// Join enters s into its channels: from here on it gets their events, which
// wait until it is attached to an outlet. Everyone who joins has to leave.
func (h *Hub) Join(s *Subscriber) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s.loop = h.loops[h.joined%len(h.loops)]
	h.joined++
	h.subscribers++
	for i := range s.places {
		in := s.interests[i]
		c := h.channels[in.Channel]
		if c == nil {
			c = &channel{name: in.Channel}
			h.channels[in.Channel] = c
			h.source.Listen(in.Channel)
		}
		s.places[i].channel, s.places[i].audience = c, c.enter(in.View, s.loop, len(h.loops))
	}
	closed := h.closed
	s.loop.Do(func() {
		s.loop.add(s)
		s.checkReady()
		if closed {
			s.close(ErrClosed)
		}
	})
}

// Open says that the page now counts on hearing everything: what s misses from
// here on, it is told of.
func (h *Hub) Open(s *Subscriber) {
	s.loop.Do(func() { s.open = true })
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
	for i := range s.places {
		p := &s.places[i]
		p.channel.leave(p.audience, s.loop)
		if p.channel.isEmpty() {
			delete(h.channels, p.channel.name)
			h.source.Forget(p.channel.name)
		}
	}
	s.loop.Do(func() { s.loop.remove(s) })
	h.subscribers--
	h.checkEmpty()
}

// Listening is the source's word that from now on it hears the channel. A
// subscriber that has been open since before may have missed events, and is
// told so.
func (h *Hub) Listening(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := h.channels[name]
	if c == nil {
		return
	}
	c.live.Store(true)
	gap := eventstream.Gap{Channel: name, Reason: eventstream.Unknown}.Frame("")
	for _, a := range c.audiences {
		h.inLoops(a, func(l *Loop) {
			for _, m := range a.shares[l.index].members {
				if m.subscriber.open {
					m.subscriber.send(gap)
				} else {
					m.subscriber.checkReady()
				}
			}
		})
	}
}

// Deaf is the source's word that it hears no channel any more, until Listening.
func (h *Hub) Deaf() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.channels {
		c.live.Store(false)
	}
}

// Message hands a payload to the channel's subscribers. It is encoded once for
// each way in which they want it.
func (h *Hub) Message(name, payload string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := h.channels[name]
	if c == nil {
		return
	}
	for _, a := range c.audiences {
		event, err := eventstream.Payload(payload).Event(a.view)
		if err != nil {
			h.malformed.Add(1)
		}
		frame := event.Frame()
		h.inLoops(a, func(l *Loop) {
			for _, m := range a.shares[l.index].members {
				m.subscriber.send(frame)
			}
		})
	}
}

// inLoops runs f in each loop that has members of the audience.
func (h *Hub) inLoops(a *audience, f func(*Loop)) {
	for i, l := range h.loops {
		if a.shares[i].count > 0 {
			l.Do(func() { f(l) })
		}
	}
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
		h.checkEmpty()
		for _, l := range h.loops {
			l.Do(func() { l.drain(drain) })
		}
	}
	h.mu.Unlock()

	timeout := time.NewTimer(drain + lastWords)
	defer timeout.Stop()
	select {
	case <-h.empty:
	case <-timeout.C:
	case <-ctx.Done():
	}
}

// lastWords is how long after the drain [Hub.Close] waits for those who are
// slow to take what they were sent.
const lastWords = time.Second

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

// Stats are a hub's numbers at one moment.
type Stats struct {
	Subscribers int
	Channels    int
	// Malformed counts the envelopes that were none, and were delivered whole.
	Malformed uint64
}

// Stats counts.
func (h *Hub) Stats() Stats {
	h.mu.Lock()
	defer h.mu.Unlock()
	return Stats{Subscribers: h.subscribers, Channels: len(h.channels), Malformed: h.malformed.Load()}
}
