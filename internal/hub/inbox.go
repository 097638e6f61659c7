package hub

import "github.com/caddy-sse/caddy-sse/internal/protocol"

// What the hub receives faster than the loops can hand it on waits in their inboxes.
// These have a part of the memory: what all forget is forgotten sooner while they
// are full, and past it a channel's subscribers in a loop get a gap, and
// go on with what comes after it. So neither the source nor other loops wait.

const (
	// inboxShare is the part of the memory that all inboxes may take together.
	inboxShare = 4
	// minInbox is how many bytes an inbox may take in any case: a burst is no flood.
	minInbox = 64 << 10
	// itemOverhead is about what something in an inbox costs besides its frame.
	itemOverhead = 128
)

// inboxLimit is how many bytes an inbox may take.
func (h *Hub) inboxLimit() int {
	return max(minInbox, h.memory.limit/inboxShare/len(h.loops))
}

// offer gives f, which hands frames of so many bytes to the group's shard of a
// loop, to each loop that has slots of it, and room.
func (c *channel) offer(g *group, bytes int, f func(*Loop)) {
	bytes += itemOverhead
	limit := c.hub.inboxLimit()
	for i, l := range c.hub.loops {
		if s := &g.shards[i]; s.count > 0 && (s.isBehind || !l.offer(func() { f(l) }, bytes, limit)) {
			c.fallBehind(g, l)
		}
	}
}

// fallBehind keeps everything from the group's subscribers in a loop until it has
// done what it was given before. Then they get a gap.
func (c *channel) fallBehind(g *group, l *Loop) {
	s := &g.shards[l.index]
	if s.isBehind {
		return
	}
	s.isBehind = true
	from := c.headID()
	l.Do(func() {
		c.hub.mu.Lock()
		defer c.hub.mu.Unlock()
		s.isBehind = false
		// In a turn of its own, so that those get it, too, that have entered
		// meanwhile.
		c.reportOverflow(g, l, from)
	})
}

// reportOverflow has the group's subscribers in a loop get a gap from there up
// to the present.
func (c *channel) reportOverflow(g *group, l *Loop, from string) {
	to := c.log.head()
	gap := &protocol.Gap{Channel: c.name, Reason: protocol.Overflow, From: from, To: c.headID()}
	id := ""
	if c.history { // else there may still be earlier events of the subscriber's other channels
		id = g.view.id(gap.To)
	}
	c.hub.expectPendingGaps()
	l.Do(func() {
		for _, sl := range g.shards[l.index].slots {
			s := sl.subscriber
			if s.hasVector() {
				s.states[sl.index].lastSent, s.states[sl.index].hasLastSent = to, true
			}
			if s.open || c.history {
				s.reportGap(gap, id)
			}
		}
	})
}
