package hub

import (
	"time"

	"github.com/caddy-sse/caddy-sse/internal/protocol"
)

// Subscribed is the source's word that from now on it receives the channel. A
// subscriber that has been open since before may have missed events, and is
// told so.
func (h *Hub) Subscribed(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := h.live[name]
	if c == nil || c.ready.Load() {
		return
	}
	c.ready.Store(true)
	if c.begun {
		h.number++
		c.gap(protocol.Unknown, position{Seq: h.number})
		c.checkReady()
		return
	}
	// A number of its own: what was published in an earlier life of the channel, or
	// between two, was before.
	h.number++
	c.begin(position{Seq: h.number})
}

// Unsubscribed is the source's word that it does not receive these channels any more,
// until Subscribed.
func (h *Hub) Unsubscribed(names []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, name := range names {
		if c := h.live[name]; c != nil {
			c.ready.Store(false)
		}
	}
}

// Disconnected is the source's word that it receives no channel any more, until
// Subscribed.
func (h *Hub) Disconnected() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.live {
		c.ready.Store(false)
	}
}

// Message hands a payload to the channel's subscribers. It is encoded once for
// each way in which they want it.
func (h *Hub) Message(name, payload string) {
	receivedAt := time.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	c := h.live[name]
	if c == nil || !c.begun {
		return
	}
	h.number++
	r := newRecord(c, position{Seq: h.number}, protocol.Payload(payload))
	c.broadcast(r, receivedAt)
	c.remember(r)
}

// Begin tells a channel with history where it is.
func (c *channel) Begin(head protocol.EntryID) {
	c.hub.mu.Lock()
	defer c.hub.mu.Unlock()
	if c.forgotten {
		return
	}
	c.ready.Store(true)
	c.begin(head)
}

// Append hands the history's next entries to the channel's subscribers.
func (c *channel) Append(entries []protocol.Entry) {
	receivedAt := time.Now()
	c.hub.mu.Lock()
	defer c.hub.mu.Unlock()
	if c.forgotten {
		return
	}
	for _, e := range entries {
		r := newRecord(c, e.ID, e)
		c.broadcast(r, receivedAt)
		c.remember(r)
	}
	c.resumeAhead(false)
}

// Gap tells the channel's subscribers that entries may be missing.
func (c *channel) Gap(reason protocol.Reason, to protocol.EntryID) {
	c.hub.mu.Lock()
	defer c.hub.mu.Unlock()
	if !c.forgotten {
		c.gap(reason, to)
		c.resumeAhead(true)
	}
}

// begin gives the channel's log its start, and has those who have waited for it
// go on.
func (c *channel) begin(at position) {
	c.begun = true
	c.log.start = at
	if !c.history {
		c.log.gapBefore = protocol.Unknown
	}
	waiting := c.waiting
	c.waiting = nil
	c.batchReads(func() {
		for sl := range waiting {
			c.hub.began(sl.subscriber)
		}
	})
}

var _ Follower = (*channel)(nil)
