package hub

import "github.com/caddy-sse/caddy-sse/internal/protocol"

// Unreadable tells those in the channel of a gap who wait for what cannot be read,
// and those who come as long as that is so. Nobody's position moves: once it can be
// read again, all get what they have missed.
func (c *channel) Unreadable(present bool) {
	c.hub.mu.Lock()
	defer c.hub.mu.Unlock()
	if c.forgotten {
		return
	}
	if !c.backfillUnreadable {
		c.backfillUnreadable = true
		for sl := range c.waiting {
			c.reportUnreadable(sl.subscriber)
		}
		for r := range c.behind {
			c.reportUnreadable(r.subscriber)
		}
	}
	if !present || c.presentUnreadable {
		return
	}
	c.presentUnreadable = true
	at := c.headID()
	c.reportGap(c.unreadableGap(at), at, func(slot) bool { return true })
}

// Readable takes Unreadable back.
func (c *channel) Readable() {
	c.hub.mu.Lock()
	defer c.hub.mu.Unlock()
	c.backfillUnreadable, c.presentUnreadable = false, false
}

// reportUnreadable tells somebody who waits for the history, if it cannot be read.
func (c *channel) reportUnreadable(s *Subscriber) {
	if !c.backfillUnreadable {
		return
	}
	c.hub.countGap(protocol.Unknown)
	// It has no ID, so that a client that comes back meanwhile says where it was
	// before.
	frame := c.unreadableGap(s.request.LastEventID).Frame("")
	if s.request.SilentGaps {
		s.loop.Do(s.breakOff)
		return
	}
	s.loop.Do(func() { s.send(frame) })
}

func (c *channel) unreadableGap(from string) *protocol.Gap {
	return &protocol.Gap{Channel: c.name, Reason: protocol.Unknown, From: from}
}
