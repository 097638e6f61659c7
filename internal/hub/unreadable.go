package hub

import "github.com/caddy-sse/caddy-sse/internal/eventstream"

// Unreadable tells those in the channel of a gap who wait for what cannot be read,
// and those who come as long as that is so. Nobody's position moves: once it can be
// read again, all get what they have missed.
func (c *channel) Unreadable(present bool) {
	c.hub.mu.Lock()
	defer c.hub.mu.Unlock()
	if c.forgotten {
		return
	}
	if !c.pastUnreadable {
		c.pastUnreadable = true
		for m := range c.waiting {
			c.tellUnreadable(m.subscriber)
		}
		for p := range c.behind {
			c.tellUnreadable(p.subscriber)
		}
	}
	if !present || c.presentUnreadable {
		return
	}
	c.presentUnreadable = true
	at := c.headID()
	c.tellAll(c.unreadableGap(at), at, func(member) bool { return true })
}

// Readable takes Unreadable back.
func (c *channel) Readable() {
	c.hub.mu.Lock()
	defer c.hub.mu.Unlock()
	c.pastUnreadable, c.presentUnreadable = false, false
}

// tellUnreadable tells somebody who waits for the history, if it cannot be read.
func (c *channel) tellUnreadable(s *Subscriber) {
	if !c.pastUnreadable {
		return
	}
	c.hub.countGap(eventstream.Unknown)
	// It has no ID, so that a client that comes back meanwhile says where it was
	// before.
	frame := c.unreadableGap(s.request.LastEventID).Frame("")
	s.loop.Do(func() { s.send(frame) })
}

func (c *channel) unreadableGap(from string) *eventstream.Gap {
	return &eventstream.Gap{Channel: c.name, Reason: eventstream.Unknown, From: from}
}
