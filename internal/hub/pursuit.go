package hub

import (
	"cmp"

	"github.com/caddy-sse/caddy-sse/internal/eventstream"
)

// A pursuit is a subscriber's way from where it was to the present: in one
// channel with history, or in all its live channels together, whose event IDs
// are one sequence. It goes page by page, each when the one before is written,
// so that nobody is sent more at once than may wait for it. At the end the
// subscriber is up to date, and enters the channels' audiences, in one step: the
// next event finds it there.
type pursuit struct {
	subscriber *Subscriber
	legs       []leg
	page       []step
	missed     []*eventstream.Gap // that it has yet to be told of
	hasEvents  bool               // it has come by some, which were missed
	isRead     bool               // the history is being read for it
}

// A leg is a pursuit's way in one channel.
type leg struct {
	place   int
	cursor  position // what came up to here has been sent
	located bool     // the cursor was found in the log once

	// Where it begins, until it is located, if not at the cursor.
	fromHead bool
	newest   int
	bad      eventstream.Reason // there is no knowing where it was
	from     string             // where it was, as it said itself
	hasRead  bool               // the history was read for it
	segment  *segment           // it is on its way through
}

func (p *pursuit) channel(g *leg) *channel { return p.subscriber.places[g.place].channel }

// A step is one frame of a page, or a gap that a fault has made while the page was
// open.
type step struct {
	place  int
	at     position
	frame  *eventstream.Frame
	missed *eventstream.Gap
}

// A page ends after so many events or bytes.
const (
	pageEvents = 256
	pageBytes  = 64 << 10
)

// pursue takes the next page.
func (h *Hub) pursue(p *pursuit) {
	s := p.subscriber
	if s.left {
		return
	}
	upToDate := false
	for !upToDate && len(p.page) == 0 {
		for i := range p.legs {
			if g := &p.legs[i]; !p.locate(g) {
				p.channel(g).await(p)
				return
			}
			delete(p.channel(&p.legs[i]).behind, p)
		}
		p.tellGaps()
		upToDate = p.fill()
	}
	page := p.page
	p.page = nil
	if !upToDate {
		s.loop.Do(func() {
			s.take(page)
			s.checkReady()
			s.whenWritten(func() {
				h.mu.Lock()
				defer h.mu.Unlock()
				h.pursue(p)
			})
		})
		return
	}
	p.release()
	for _, g := range p.legs {
		pl := &s.places[g.place]
		pl.pursuit = nil
		pl.audience = pl.channel.enter(s.view(g.place), s.loop)
	}
	id := s.newestID()
	s.loop.Do(func() {
		s.take(page)
		for _, g := range p.legs {
			s.enter(g.place, g.cursor)
		}
		s.settle(id)
		s.checkReady()
	})
	s.forgetRequest()
}

// release lets go of what the pursuit has read.
func (p *pursuit) release() {
	for i := range p.legs {
		p.use(&p.legs[i], nil)
	}
}

// use has the leg be on its way through the segment, or none.
func (p *pursuit) use(g *leg, s *segment) {
	if g.segment == s {
		return
	}
	mem := &p.subscriber.hub.memory
	if g.segment != nil {
		mem.use(g.segment, -1)
	}
	if g.segment = s; s != nil {
		mem.use(s, +1)
	}
}

// locate finds where the subscriber is in what the channel remembers, and tells it
// of a gap if it missed what nobody has any more; false: the history has to be
// read.
func (p *pursuit) locate(g *leg) bool {
	c := p.channel(g)
	was := g.cursor
	var reason eventstream.Reason
	isFound := true
	switch {
	case g.bad != "" || g.fromHead:
		reason, g.cursor = g.bad, c.log.head()
	case c.history:
		reason, isFound = c.locate(g, p.subscriber.request.Max)
	case g.cursor.Compare(c.log.start) < 0:
		reason, g.cursor = c.log.before, c.log.start
	}
	if !isFound {
		return false
	}
	if reason != "" {
		if g.from == "" && g.located && c.history {
			g.from = was.String()
		}
		p.gap(g, reason, g.fromHead)
	}
	*g = leg{place: g.place, cursor: g.cursor, located: true, segment: g.segment}
	return true
}

// locate finds the leg of a channel with history, and says what was missed before
// its cursor.
func (c *channel) locate(g *leg, most int) (missed eventstream.Reason, isFound bool) {
	if g.newest > 0 {
		at, isKnown := c.newest(g.newest)
		if t, isFresh := c.tail(g.newest); !isKnown && t.isExact && (isFresh || g.hasRead) {
			at, isKnown = t.from, true
		}
		if !isKnown && !g.hasRead {
			return "", false
		}
		g.cursor = at
		return "", true
	}
	if head := c.log.head(); g.cursor.Compare(head) > 0 {
		if !g.hasRead {
			return "", false // another gateway may have been faster than this one
		}
		g.cursor = head
		return eventstream.Reset, true
	}
	t, hasTail := c.tail(most)
	if g.hasRead {
		t, hasTail = c.tails[most]
	}
	r, isFound := c.run(g.cursor)
	if g.located {
		if !isFound {
			return "", false
		}
		return r.missing(g.cursor), true
	}
	if hasTail && t.isExact && g.cursor.Compare(t.from) < 0 {
		if n, isAll := c.count(g.cursor); !isAll || n > most {
			g.cursor = t.from
			return eventstream.Overflow, true
		}
	}
	if !isFound {
		return "", false
	}
	switch n, isAll := c.count(g.cursor); {
	case isAll && n > most:
		missed = cmp.Or(c.vouch(r, g.cursor), eventstream.Overflow)
		g.cursor, _ = c.newest(most)
		return missed, true
	case !isAll && !g.hasRead && !(hasTail && g.cursor.Compare(t.from) >= 0):
		return "", false
	}
	return c.vouch(r, g.cursor), true
}

// missing says why something may be missing right after the position of an event
// that the subscriber has been sent from here; empty if nothing is.
func (r run) missing(at position) eventstream.Reason {
	if i, isEvent := eventsAfter(r.events, at); i == 0 && !isEvent {
		return r.lost
	}
	return ""
}

// vouch says why it cannot be known what came right after the position, which the
// subscriber says it was at; empty if it can.
func (c *channel) vouch(r run, at position) eventstream.Reason {
	i, isEvent := eventsAfter(r.events, at)
	switch {
	case at == r.start && r.lost != eventstream.Unknown:
		return r.lost
	case isEvent:
		return ""
	case at.Compare(c.formerHead) <= 0:
		return eventstream.Reset
	case i == 0 && r.start == (position{}): // it is older than all that there is
		return cmp.Or(r.lost, eventstream.Reset)
	}
	return eventstream.Unknown
}

// positionAt is the position right before the event i of the log.
func (c *channel) positionAt(i int) position {
	if i <= 0 {
		return c.log.start
	}
	return c.log.at(i - 1).at
}

// gap adds a gap to the page, up to where the subscriber is now. Somebody who comes
// back is told at once; those whom a fault has hit have theirs spread.
func (p *pursuit) gap(g *leg, reason eventstream.Reason, isOfFault bool) {
	s, c := p.subscriber, p.channel(g)
	to := g.cursor.String()
	if !c.history {
		first, _ := c.log.after(g.cursor)
		to = c.idAt(first)
	}
	s.needsID = true
	gap := &eventstream.Gap{Channel: c.name, Reason: reason, From: g.from, To: to}
	if isOfFault {
		s.hub.expectPendingGaps()
		p.page = append(p.page, step{place: g.place, at: g.cursor, missed: gap})
		return
	}
	p.missed = append(p.missed, gap)
}

// tellGaps adds one event to the page for all gaps of somebody who comes back.
func (p *pursuit) tellGaps() {
	if len(p.missed) == 0 {
		return
	}
	s, g := p.subscriber, &p.legs[0]
	id := p.missed[0].To
	if len(p.legs) > 1 {
		id = "" // there may still be events of other channels before it
	}
	s.hub.countGap(p.missed[0].Reason)
	frame := eventstream.GapsFrame(p.missed, s.view(g.place).id(id))
	p.page, p.missed = append(p.page, step{place: g.place, at: g.cursor, frame: frame}), nil
}

// fill fills the page with what came after, in the order in which it came, and
// reports whether that is all.
func (p *pursuit) fill() (upToDate bool) {
	s := p.subscriber
	room := min(pageBytes, s.request.Pending/2/len(s.places))
	rest := make([][]*moment, len(p.legs)) // what comes next
	for n := range p.legs {
		if !p.enterRun(n, rest) {
			return false
		}
	}
	for {
		first := -1
		var oldest *moment
		for n := range p.legs {
			if len(rest[n]) == 0 {
				continue
			}
			if m := rest[n][0]; oldest == nil || m.at.Compare(oldest.at) < 0 {
				first, oldest = n, m
			}
		}
		if oldest == nil {
			return true
		}
		g := &p.legs[first]
		frame := oldest.frame(s.view(g.place))
		if room -= frame.Len(); room < 0 && len(p.page) > 0 || len(p.page) == pageEvents {
			return false
		}
		p.page = append(p.page, step{place: g.place, at: oldest.at, frame: frame})
		if !p.hasEvents {
			p.hasEvents = true
			s.hub.counts.replays++
		}
		s.hub.counts.replayed++
		g.cursor = oldest.at
		if rest[first] = rest[first][1:]; len(rest[first]) == 0 && !p.enterRun(first, rest) {
			return false
		}
	}
}

// enterRun finds what comes after the leg's cursor, and moves on to the next run at
// the end of one; false: the history has to be read.
func (p *pursuit) enterRun(n int, rest [][]*moment) bool {
	g := &p.legs[n]
	for {
		r, found := p.channel(g).run(g.cursor)
		if !found {
			p.use(g, nil)
			return false
		}
		i, _ := eventsAfter(r.events, g.cursor)
		if rest[n] = r.events[i:]; len(rest[n]) > 0 || r.segment == nil {
			p.use(g, r.segment)
			return true
		}
		g.cursor = r.segment.end
	}
}
