package hub

import (
	"cmp"

	"github.com/caddy-sse/caddy-sse/module/eventstream"
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
	hasEvents  bool // it has come by some, which were missed
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
	hasRead  bool               // the past was read for it
}

func (p *pursuit) channel(g *leg) *channel { return p.subscriber.places[g.place].channel }

// A step is one frame of a page.
type step struct {
	place int
	at    position
	frame *eventstream.Frame
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
	for i := range p.legs {
		if g := &p.legs[i]; !p.locate(g) {
			p.channel(g).await(p)
			return
		}
	}
	upToDate := p.fill()
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

// locate finds where the subscriber is in the channel's log, and tells it of a
// gap if it missed what nobody has any more; false: the log does not reach back
// so far, and the past has to be read.
func (p *pursuit) locate(g *leg) bool {
	c := p.channel(g)
	l := &c.log
	reason := g.bad
	switch {
	case reason != "" || g.fromHead:
		g.cursor = l.head()
	case g.newest > 0:
		if l.len() < g.newest && l.before == "" && l.start != (position{}) && !g.hasRead {
			return false
		}
		g.cursor = c.positionAt(l.len() - g.newest)
	case c.history && g.cursor.Compare(l.head()) > 0:
		if !g.hasRead {
			return false // another gateway may have been faster than this one
		}
		reason, g.cursor = eventstream.Reset, l.head()
	case g.cursor.Compare(l.start) >= 0:
		if !g.located {
			reason = c.vouch(g.cursor)
		}
	case l.before == "" || c.history && l.before == eventstream.Overflow && l.most < p.subscriber.request.Max:
		return false
	default:
		reason, g.cursor = l.before, l.start
	}
	if c.history && !g.located && g.newest == 0 {
		first, _ := l.after(g.cursor)
		if tooMany := l.len() - first - p.subscriber.request.Max; tooMany > 0 {
			reason = cmp.Or(reason, eventstream.Overflow)
			g.cursor = c.positionAt(first + tooMany)
		}
	}
	if reason != "" {
		p.gap(g, reason)
	}
	*g = leg{place: g.place, cursor: g.cursor, located: true}
	return true
}

// vouch says why it cannot be known what came right after the position, which is
// not before the log's start; empty if it can.
func (c *channel) vouch(at position) eventstream.Reason {
	i, isEvent := c.log.after(at)
	switch {
	case at == c.log.start && c.log.lost != eventstream.Unknown:
		return c.log.lost
	case isEvent:
		return ""
	case at.Compare(c.formerHead) <= 0:
		return eventstream.Reset
	case i == 0 && c.log.start == (position{}): // it is older than all that there is
		return cmp.Or(c.log.lost, eventstream.Reset)
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

// gap adds a gap to the page, up to where the subscriber is now.
func (p *pursuit) gap(g *leg, reason eventstream.Reason) {
	s, c := p.subscriber, p.channel(g)
	first, _ := c.log.after(g.cursor)
	to := c.idAt(first)
	id := to
	if len(p.legs) > 1 {
		id = "" // there may still be events of other channels before it
	}
	s.needsID = true
	s.hub.countGap(reason, 1)
	frame := eventstream.Gap{Channel: c.name, Reason: reason, From: g.from, To: to}.Frame(s.view(g.place).id(id))
	p.page = append(p.page, step{g.place, g.cursor, frame})
}

// fill fills the page with what came after, in the order in which it came, and
// reports whether that is all.
func (p *pursuit) fill() (upToDate bool) {
	s := p.subscriber
	room := min(pageBytes, s.request.Pending/2/len(s.places))
	next := make([]int, len(p.legs))
	for n := range p.legs {
		next[n], _ = p.channel(&p.legs[n]).log.after(p.legs[n].cursor)
	}
	for {
		first := -1
		var oldest *moment
		for n := range p.legs {
			l := &p.channel(&p.legs[n]).log
			if next[n] == l.len() {
				continue
			}
			if m := l.at(next[n]); oldest == nil || m.at.Compare(oldest.at) < 0 {
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
		p.page = append(p.page, step{g.place, oldest.at, frame})
		if !p.hasEvents {
			p.hasEvents = true
			s.hub.counts.replays++
		}
		s.hub.counts.replayed++
		g.cursor = oldest.at
		next[first]++
	}
}
