// Package hub is who listens to what: channels, their subscribers, and the
// fan-out of each payload to them. It knows neither Redis nor HTTP.
package hub

import (
	"sync"
	"sync/atomic"

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

	mu          sync.Mutex
	channels    map[string]*channel
	subscribers map[*Subscriber]struct{}
	closed      bool

	malformed atomic.Uint64
}

// New makes a hub without subscribers.
func New(source Source) *Hub {
	return &Hub{
		source:      source,
		channels:    make(map[string]*channel),
		subscribers: make(map[*Subscriber]struct{}),
	}
}

// Join enters s into its channels: from here on its outlet gets their events.
// In a hub that is closed the outlet is closed at once.
func (h *Hub) Join(s *Subscriber) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		s.out.Close(ErrClosed)
		return
	}
	h.subscribers[s] = struct{}{}
	for _, in := range s.interests {
		c := h.channels[in.Channel]
		if c == nil {
			c = newChannel(in.Channel)
			h.channels[in.Channel] = c
			h.source.Listen(in.Channel)
		}
		c.add(s, in.View)
	}
	h.checkReady(s)
}

// Open says that the page now counts on hearing everything: what s misses from
// here on, it is told of.
func (h *Hub) Open(s *Subscriber) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s.open = true
}

// Leave takes s out of its channels. A second call does nothing.
func (h *Hub) Leave(s *Subscriber) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, in := h.subscribers[s]; !in {
		return
	}
	delete(h.subscribers, s)
	for _, in := range s.interests {
		c := h.channels[in.Channel]
		c.remove(s, in.View)
		if c.empty() {
			delete(h.channels, in.Channel)
			h.source.Forget(in.Channel)
		}
	}
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
	c.live = true
	gap := eventstream.Gap{Channel: name, Reason: "unknown"}.Frame()
	for s := range c.subscribers() {
		if s.open {
			s.out.Send(gap)
		} else {
			h.checkReady(s)
		}
	}
}

// Deaf is the source's word that it hears no channel any more, until Listening.
func (h *Hub) Deaf() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.channels {
		c.live = false
	}
}

// Message hands a payload to the channel's subscribers.
func (h *Hub) Message(name, payload string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if c := h.channels[name]; c != nil {
		for view, subscribers := range c.views {
			event, err := view.Event(payload)
			if err != nil {
				h.malformed.Add(1)
			}
			frame := event.Frame()
			for s := range subscribers {
				s.out.Send(frame)
			}
		}
	}
}

// Close closes every subscriber's outlet, and those of all who join later.
func (h *Hub) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for s := range h.subscribers {
		s.out.Close(ErrClosed)
	}
}

// checkReady tells s once all its channels are heard.
func (h *Hub) checkReady(s *Subscriber) {
	for _, in := range s.interests {
		if !h.channels[in.Channel].live {
			return
		}
	}
	s.readyOnce.Do(func() { close(s.ready) })
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
	return Stats{Subscribers: len(h.subscribers), Channels: len(h.channels), Malformed: h.malformed.Load()}
}
