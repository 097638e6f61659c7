package hub

import (
	"slices"
	"time"

	"github.com/caddy-sse/caddy-sse/module/eventstream"
)

// pastRest is for how long a channel remembers the past that was read for those
// who come back: in a storm, everyone comes back at once.
const pastRest = 10 * time.Second

// await has the pursuit wait until the past is read.
func (c *channel) await(p *pursuit) {
	if c.behind == nil {
		c.behind = make(map[*pursuit]struct{})
	}
	c.behind[p] = struct{}{}
	c.readPast()
}

// gather lets all that f has go on say what they need before the past is read for
// them.
func (c *channel) gather(f func()) {
	c.reading = true
	f()
	c.reading = false
	c.readPast()
}

// readPast reads what those need who are behind: one read at a time, which goes
// back to the one who has been away the longest and so serves the others, too.
func (c *channel) readPast() {
	if c.reading || len(c.behind) == 0 {
		return
	}
	c.reading = true
	c.stir()
	var since *position
	most, newest := 0, 0
	for p := range c.behind {
		g := &p.legs[0] // in a channel with history there is only one
		if g.newest > 0 {
			newest = max(newest, g.newest)
			continue
		}
		if since == nil || g.cursor.Compare(*since) < 0 {
			since = &g.cursor
		}
		most = max(most, p.subscriber.request.Max)
	}
	life := c.log.life
	if since == nil {
		c.hub.source.Newest(c.name, newest, func(past Past) { c.havePast(past, life, past.Start, 0) })
		return
	}
	after := *since
	c.hub.source.Since(c.name, after, most, func(past Past) { c.havePast(past, life, after, most) })
}

// havePast adds what was read for those who are after the position to the log,
// and lets all who have waited for it go on.
func (c *channel) havePast(past Past, life int, after position, most int) {
	c.hub.mu.Lock()
	defer c.hub.mu.Unlock()
	if c.forgotten {
		return
	}
	if c.log.life == life {
		c.log.prepend(c, past)
		c.log.most = most
		if c.log.before == "" && c.log.start.Compare(after) > 0 {
			c.log.before = eventstream.Unknown
		}
		c.restLater()
	}
	behind := c.behind
	c.behind = nil
	c.gather(func() {
		for p := range behind {
			g := &p.legs[0]
			if g.cursor.Compare(c.log.head()) > 0 && past.has(g.cursor) {
				c.awaitPresent(p)
				continue
			}
			g.hasRead = true
			c.hub.pursue(p)
		}
	})
	c.rest()
}

// rest lets the past be forgotten when the memory is full.
func (c *channel) rest() {
	if !c.reading && c.resting == nil && len(c.log.past) > 0 {
		c.resting = c.hub.memory.resting.PushBack(c)
	}
	c.hub.memory.trim()
}

// stir takes rest back: what is being read joins what is remembered.
func (c *channel) stir() {
	if c.resting != nil {
		c.hub.memory.resting.Remove(c.resting)
		c.resting = nil
	}
}

func (c *channel) forgetPast() {
	c.stir()
	c.log.forgetPast()
}

// has reports whether there is an entry with that ID.
func (p *Past) has(id position) bool {
	return p.Start == id && p.Lost == "" ||
		slices.ContainsFunc(p.Entries, func(e eventstream.Entry) bool { return e.ID == id })
}

// awaitPresent has the pursuit wait until the channel has come to where the
// subscriber was on a gateway that was faster.
func (c *channel) awaitPresent(p *pursuit) {
	if c.ahead == nil {
		c.ahead = make(map[*pursuit]struct{})
	}
	c.ahead[p] = struct{}{}
}

// letPresent lets those go on who have waited for the present; after a gap, all.
func (c *channel) letPresent(all bool) {
	for p := range c.ahead {
		if all || p.legs[0].cursor.Compare(c.log.head()) <= 0 {
			delete(c.ahead, p)
			c.hub.pursue(p)
		}
	}
}

// prepend adds the past before the start of the log: it has everything up to
// there that Redis still has.
func (l *log) prepend(c *channel, past Past) {
	if past.Start.Compare(l.start) >= 0 {
		l.before = past.Before
		return
	}
	older := make([]*moment, 0, len(past.Entries)+len(l.past))
	for _, e := range past.Entries {
		if e.ID.Compare(l.start) <= 0 {
			m := newMoment(c, e.ID, e)
			older = append(older, m)
			c.hub.memory.bytes += m.size
		}
	}
	l.past = append(older, l.past...)
	l.start, l.lost, l.before = past.Start, past.Lost, past.Before
}

// restLater forgets the past when nobody has needed it for a while.
func (c *channel) restLater() {
	if c.restAt != nil {
		c.restAt.Reset(pastRest)
		return
	}
	c.restAt = time.AfterFunc(pastRest, func() {
		c.hub.mu.Lock()
		defer c.hub.mu.Unlock()
		if !c.reading && !c.forgotten {
			c.forgetPast()
		}
	})
}
