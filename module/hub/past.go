package hub

import (
	"maps"
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
	c.tellUnreadable(p.subscriber)
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

// A backfill is one read of the history, for those who waited when it was asked
// for: whoever comes later may know of newer entries than it has, or want more.
type backfill struct {
	newest int      // of so many newest entries; 0: of those after a position
	after  position // of those after it, the newest most
	most   int
	asked  map[*pursuit]struct{}
}

// covers reports whether the read says all that there is to know for a pursuit.
func (b *backfill) covers(p *pursuit, g *leg) bool {
	if _, asked := b.asked[p]; !asked {
		return false
	}
	if g.newest > 0 || b.newest > 0 {
		return g.newest > 0 && g.newest <= b.newest
	}
	return g.cursor.Compare(b.after) >= 0
}

// nextBackfill is what to read for those who wait: what the ones who come back
// need, from the one who has been away the longest, in turn with what newcomers
// need.
func nextBackfill(behind map[*pursuit]struct{}, newcomersFirst bool) *backfill {
	b := &backfill{asked: maps.Clone(behind)}
	isBack := false
	for p := range behind {
		g := &p.legs[0] // in a channel with history there is only one
		if g.newest > 0 {
			b.newest = max(b.newest, g.newest)
			continue
		}
		if !isBack || g.cursor.Compare(b.after) < 0 {
			b.after = g.cursor
		}
		isBack = true
		b.most = max(b.most, p.subscriber.request.Max)
	}
	if isBack && !(newcomersFirst && b.newest > 0) {
		b.newest = 0
	}
	return b
}

// readPast reads what those need who are behind, one read at a time.
func (c *channel) readPast() {
	if c.reading || len(c.behind) == 0 {
		return
	}
	c.reading = true
	c.stir()
	b := nextBackfill(c.behind, c.newcomersFirst)
	c.newcomersFirst = b.newest == 0
	life := c.log.life
	done := func(past Past) { c.havePast(b, past, life) }
	if b.newest > 0 {
		c.hub.source.Newest(c.name, b.newest, done)
	} else {
		c.hub.source.Since(c.name, b.after, b.most, done)
	}
}

// havePast adds what was read to the log, and lets all who wait go on, or wait for
// the next read.
func (c *channel) havePast(b *backfill, past Past, life int) {
	c.hub.mu.Lock()
	defer c.hub.mu.Unlock()
	if c.forgotten {
		return
	}
	isOfThisLife := c.log.life == life
	if isOfThisLife {
		after := b.after
		if b.newest > 0 {
			after = past.Start
		}
		c.log.prepend(c, past)
		c.log.most = b.most
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
			isCovered := isOfThisLife && b.covers(p, g)
			if isCovered && g.newest == 0 && g.cursor.Compare(c.log.head()) > 0 && past.has(g.cursor) {
				c.awaitPresent(p)
				continue
			}
			g.hasRead = g.hasRead || isCovered
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
