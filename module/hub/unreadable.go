package hub

import "github.com/caddy-sse/caddy-sse/module/eventstream"

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
	frame := c.unreadableGap(c.headID())
	for _, a := range c.audiences {
		c.hub.countGap(eventstream.Unknown, a.size())
		c.inLoops(a, func(l *Loop) {
			for _, m := range a.shares[l.index].members {
				m.subscriber.send(frame)
			}
		})
	}
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
	c.hub.countGap(eventstream.Unknown, 1)
	frame := c.unreadableGap(s.request.LastEventID)
	s.loop.Do(func() { s.send(frame) })
}

// unreadableGap has no ID, so that a client that comes back meanwhile says where
// it was before.
func (c *channel) unreadableGap(from string) *eventstream.Frame {
	return eventstream.Gap{Channel: c.name, Reason: eventstream.Unknown, From: from}.Frame("")
}
