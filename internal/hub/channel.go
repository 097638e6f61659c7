package hub

import (
	"sync/atomic"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/eventstream"
)

// A channel that somebody subscribes to, or did until a moment ago. One with
// history and one without are two, though Redis has one name for both.
type channel struct {
	hub     *Hub
	name    string
	history bool
	// ready: what is said from now on will be heard.
	ready atomic.Bool

	// Guarded by the hub.
	begun bool // the log has a start
	// The history cannot be read, and its subscribers have been told.
	pastUnreadable, presentUnreadable bool
	log                               log
	chain                             chain // of a live channel
	isSaidNotUTF8                     bool
	// formerHead is how far it had come in the newest history that was lost.
	formerHead position
	keep       Keep
	joined     int    // subscribers
	events     uint64 // that came
	audiences  []*audience
	waiting    map[member]struct{} // for it to begin
	segments   []*segment          // of its history, by their starts
	tails      map[int]tail        // where the newest so many events begin
	behind     map[*pursuit]int    // waiting for the history to be read, and their turns
	turn       int
	ahead      map[*pursuit]struct{} // waiting for the present
	reading    *backfill             // that others wait for
	reads      int                   // that are under way
	gathering  bool
	forgetAt   *time.Timer // while nobody subscribes
	restAt     *time.Timer // while it remembers what was read
	forgotten  bool
}

// id is the event ID of a position.
func (c *channel) id(at position, hash string) string {
	if c.history {
		return at.String()
	}
	return liveID{c.hub.epoch, at.Seq, hash}.String()
}

// headID is the event ID of the newest event.
func (c *channel) headID() string { return c.idAt(c.log.len()) }

// idAt is the event ID right before the event i.
func (c *channel) idAt(i int) string {
	if i == 0 {
		return c.id(c.log.start, c.log.startHash)
	}
	return c.log.at(i - 1).id()
}

// remember adds an event to the log, and forgets what is then too much.
func (c *channel) remember(m *moment) {
	c.log.add(m)
	for n := len(c.log.recent); n > 0 && (n > c.keep.Events || c.log.bytes > c.keep.Bytes); n-- {
		c.shift()
	}
	c.hub.memory.trim()
}

// shift forgets the oldest event.
func (c *channel) shift() {
	from := c.log.start
	m := c.log.shift()
	if c.history {
		c.retire(from, m)
	}
}

// hand gives an event, which was heard then, to everyone in the channel who is up to date.
func (c *channel) hand(m *moment, heard time.Time) {
	c.events++
	for _, a := range c.audiences {
		frame, err := m.encode(a.view)
		if err != nil {
			c.hub.malformed.Add(1)
		}
		plain, id := c.hub.plainFrame(m, a.view, heard), ""
		bytes := frame.Len()
		if plain != nil {
			id = a.view.id(m.id())
			bytes += plain.Len()
		}
		c.offer(a, bytes, func(l *Loop) {
			members := a.shares[l.index].members
			for _, member := range members {
				if member.subscriber.pendingGaps != nil {
					member.subscriber.deliverWithoutID(member.place, m.at, plain, id, frame)
					continue
				}
				member.subscriber.deliver(member.place, m.at, frame)
			}
			l.sent.Add(uint64(len(members)))
			if l.heard.IsZero() {
				l.heard = heard
			}
		})
	}
}

// gap has everyone in the channel who is up to date be told that events may be
// missing, and goes on from the position to.
func (c *channel) gap(reason eventstream.Reason, to position) {
	g := &eventstream.Gap{Channel: c.name, Reason: reason, From: c.headID(), To: c.id(to, "")}
	if reason == eventstream.Reset {
		c.formerHead = c.log.head()
	}
	c.forgetPast()
	c.log.reset(to, "")
	if !c.history {
		c.log.before = reason
	}
	c.tellAll(g, g.To, func(m member) bool {
		if m.subscriber.open && m.subscriber.hasVector() {
			p := &m.subscriber.places[m.place]
			p.got, p.hasGot = to, true
		}
		return m.subscriber.open
	})
}

// tellAll has everyone in the channel who is up to date be told of the gap, and
// that they are at that ID then. Those for whom isHit is false are not.
func (c *channel) tellAll(g *eventstream.Gap, id string, isHit func(member) bool) {
	c.hub.expectPendingGaps()
	for _, a := range c.audiences {
		c.inLoops(a, func(l *Loop) {
			for _, m := range a.shares[l.index].members {
				if isHit(m) {
					m.subscriber.miss(g, a.view.id(id))
				}
			}
		})
	}
}

// id is the ID that an event of the audience carries.
func (v view) id(id string) string {
	if !v.ids {
		return ""
	}
	return id
}

// checkReady has everyone in the channel look whether all their channels are
// ready.
func (c *channel) checkReady() {
	for _, a := range c.audiences {
		c.inLoops(a, func(l *Loop) {
			for _, m := range a.shares[l.index].members {
				m.subscriber.checkReady()
			}
		})
	}
}

// inLoops runs f in each loop that has members of the audience.
func (c *channel) inLoops(a *audience, f func(*Loop)) {
	for i, l := range c.hub.loops {
		if a.shares[i].count > 0 {
			l.Do(func() { f(l) })
		}
	}
}
