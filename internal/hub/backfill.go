package hub

import (
	"maps"
	"slices"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/eventstream"
)

const (
	// pastRest is for how long a channel remembers what was read for those who come
	// back: in a storm, everyone comes back at once.
	pastRest = 10 * time.Second
	// patience is for how long others wait for a read that may be theirs, too. A
	// read that takes longer delays nobody.
	patience = 250 * time.Millisecond
)

// A backfill is one read of the history, for those who waited when it was asked
// for: one that comes later may know of newer entries than it has.
type backfill struct {
	leader *pursuit
	newest int      // of so many newest entries; 0: of those after a position
	after  position // of those after it
	most   int      // if there are no more than so many; 0: in any case
	asked  map[*pursuit]int
	head   position // of the channel, when it was asked for
	life   int
	slow   *time.Timer
}

// covers reports whether the read says all that there is to know for a pursuit.
func (b *backfill) covers(p *pursuit, past *Past) bool {
	g := &p.legs[0]
	if _, asked := b.asked[p]; !asked {
		return false
	}
	switch {
	case g.newest > 0 || b.newest > 0:
		return g.newest > 0 && (g.newest == b.newest || g.newest < b.newest && !past.More && !past.Failed)
	case g.cursor == b.after:
		return g.located || b.most == p.subscriber.request.Max || !past.More && !past.Failed
	case g.cursor.Compare(b.after) < 0 || past.Failed:
		return false
	case past.More:
		return g.cursor.Compare(past.last()) <= 0 && (g.located || b.most == p.subscriber.request.Max)
	}
	return true
}

// await has the pursuit wait until the history is read for it.
func (c *channel) await(p *pursuit) {
	if _, waits := c.behind[p]; !waits {
		if c.behind == nil {
			c.behind = make(map[*pursuit]int)
		}
		if !c.gathering {
			c.turn++
		}
		c.behind[p] = c.turn
		c.tellUnreadable(p.subscriber)
	}
	c.backfill()
}

// gather lets all that f has go on say what they need before the history is read
// for them.
func (c *channel) gather(f func()) {
	c.turn++
	c.gathering = true
	f()
	c.gathering = false
	c.backfill()
}

// backfill reads what the one needs who has waited the longest, and among those who
// came together, the one who has been away the longest. One read at a time is
// enough while reads are fast: what one needs, others do, too.
func (c *channel) backfill() {
	if c.gathering || c.reading != nil {
		return
	}
	var leader *pursuit
	for p, turn := range c.behind {
		if p.isRead {
			continue
		}
		if leader == nil || turn < c.behind[leader] ||
			turn == c.behind[leader] && p.legs[0].comesBefore(&leader.legs[0]) {
			leader = p
		}
	}
	if leader == nil {
		return
	}
	g := &leader.legs[0] // in a channel with history there is only one
	b := &backfill{
		leader: leader, newest: g.newest, after: g.cursor,
		asked: maps.Clone(c.behind), head: c.log.head(), life: c.log.life,
	}
	if !g.located {
		b.most = leader.subscriber.request.Max
	}
	leader.isRead = true
	c.reading = b
	c.reads++
	b.slow = time.AfterFunc(patience, func() {
		c.hub.mu.Lock()
		defer c.hub.mu.Unlock()
		if c.reading == b {
			c.reading = nil
			c.backfill()
		}
	})
	bytes := c.hub.memory.backfill()
	done := func(past Past) { c.backfilled(b, past) }
	if b.newest > 0 {
		c.hub.source.Newest(c.name, b.newest, bytes, done)
	} else {
		c.hub.source.Since(c.name, b.after, b.most, bytes, done)
	}
}

// comesBefore reports whether a read for g is likely to serve the other, too.
func (g *leg) comesBefore(other *leg) bool {
	if g.newest > 0 || other.newest > 0 {
		return g.newest > other.newest
	}
	return g.cursor.Compare(other.cursor) < 0
}

// backfilled lets all who have waited for the read go on, or wait for the next.
func (c *channel) backfilled(b *backfill, past Past) {
	c.hub.mu.Lock()
	defer c.hub.mu.Unlock()
	b.slow.Stop()
	c.reads--
	b.leader.isRead = false
	if c.reading == b {
		c.reading = nil
	}
	if c.forgotten {
		return
	}
	isOfThisLife := c.log.life == b.life
	if isOfThisLife && !past.Failed {
		c.learn(b, &past)
		c.restLater()
	}
	c.gather(func() {
		for p := range b.asked {
			if _, waits := c.behind[p]; !waits || p.isRead {
				continue
			}
			g := &p.legs[0]
			if isOfThisLife && b.covers(p, &past) {
				if g.newest == 0 && g.cursor.Compare(c.log.head()) > 0 && past.has(g.cursor) {
					delete(c.behind, p)
					c.awaitPresent(p)
					continue
				}
				g.hasRead = true
				if past.Failed {
					g.bad = eventstream.Unknown
				}
			}
			c.hub.pursue(p)
		}
	})
	c.hub.memory.trim()
}

// learn remembers what was read.
func (c *channel) learn(b *backfill, past *Past) {
	head := c.log.head()
	end := past.last()
	if !past.More {
		end = maxPosition(end, b.head) // there is nothing else up to there
	}
	s := &segment{channel: c, start: past.Start, lost: past.Lost, end: end}
	if end.Compare(head) > 0 {
		s.end = head // what is newer has yet to be heard
	}
	for _, e := range past.Entries {
		if e.ID.Compare(s.end) <= 0 {
			s.events = append(s.events, newMoment(c, e.ID, e))
		}
	}
	if s.start.Compare(s.end) < 0 {
		c.addSegment(s)
	}
	switch {
	case b.newest > 0:
		c.learnTail(b.newest, tail{from: past.Start, isExact: true})
	case past.Before == eventstream.Overflow:
		c.learnTail(b.most, tail{from: past.Start, isExact: true})
	case b.most > 0:
		c.learnTail(b.most, tail{from: past.Start})
	}
}

// A tail says that after the position from there are no more than so many events;
// if it is exact, before it there are more.
type tail struct {
	from    position
	isExact bool
	events  uint64 // of the channel, when it was read
}

func (c *channel) learnTail(n int, t tail) {
	old, known := c.tail(n)
	if known && old.from.Compare(t.from) <= 0 && !t.isExact {
		return
	}
	if c.tails == nil {
		c.tails = make(map[int]tail)
	}
	t.events = c.events
	c.tails[n] = t
}

// tail is what is known of the newest n events, give or take an eighth.
func (c *channel) tail(n int) (t tail, isKnown bool) {
	t, isKnown = c.tails[n]
	return t, isKnown && c.events-t.events <= uint64(n/8)
}

// has reports whether there is an entry with that ID.
func (p *Past) has(id position) bool {
	return p.Start == id && p.Lost == "" ||
		slices.ContainsFunc(p.Entries, func(e eventstream.Entry) bool { return e.ID == id })
}

// last is the position of the last entry, or the start.
func (p *Past) last() position {
	if n := len(p.Entries); n > 0 {
		return p.Entries[n-1].ID
	}
	return p.Start
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

// restLater forgets what was read when nobody has needed it for a while.
func (c *channel) restLater() {
	if c.restAt != nil {
		c.restAt.Reset(pastRest)
		return
	}
	c.restAt = time.AfterFunc(pastRest, func() {
		c.hub.mu.Lock()
		defer c.hub.mu.Unlock()
		if c.forgotten {
			return
		}
		for _, s := range slices.Clone(c.segments) {
			if s.readers == 0 {
				s.forget()
			}
		}
		c.tails = nil
		if len(c.segments) > 0 {
			c.restAt.Reset(pastRest)
		}
	})
}

// forgetPast forgets all that was read.
func (c *channel) forgetPast() {
	for _, s := range slices.Clone(c.segments) {
		s.forget()
	}
	c.tails = nil
}
