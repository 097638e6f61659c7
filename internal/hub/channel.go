package hub

import (
	"sync/atomic"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/protocol"
)

// A channel that somebody subscribes to, or did until a moment ago. One with
// history and one without are two, though Redis has one name for both.
type channel struct {
	hub     *Hub
	name    string
	history bool
	// ready: what is published from now on will be received.
	ready atomic.Bool

	// Guarded by the hub.
	begun bool // the log has a start
	// The history cannot be read, and its subscribers have got a gap.
	backfillUnreadable, presentUnreadable bool
	log                                   log
	chain                                 chain // of a live channel
	isLoggedNotUTF8                       bool
	// formerHead is how far it had come in the newest history that was lost.
	formerHead  position
	retention   Retention
	subscribers int    // subscribers
	events      uint64 // that came
	groups      []*group
	waiting     map[slot]struct{} // for it to begin
	segments    []*segment        // of its history, by their starts
	tails       map[int]tail      // where the newest so many events begin
	behind      map[*replay]int   // waiting for the history to be read, and their turns
	turn        int
	ahead       map[*replay]struct{} // waiting for the head
	reading     *backfillRead        // that others wait for
	reads       int                  // that are under way
	batching    bool
	forgetAt    *time.Timer // while nobody subscribes
	evictTimer  *time.Timer // while it remembers what was read
	forgotten   bool
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
func (c *channel) remember(r *record) {
	c.log.add(r)
	for n := len(c.log.recent); n > 0 && (n > c.retention.Events || c.log.bytes > c.retention.Bytes); n-- {
		c.shift()
	}
	c.hub.memory.trim()
}

// shift forgets the oldest event.
func (c *channel) shift() {
	from := c.log.start
	r := c.log.shift()
	if c.history {
		c.retire(from, r)
	}
}

// broadcast gives an event, which was received then, to everyone in the channel who is
// up to date.
func (c *channel) broadcast(r *record, receivedAt time.Time) {
	c.events++
	for _, g := range c.groups {
		frame, err := r.encode(g.view)
		if err != nil {
			c.hub.malformed.Add(1)
		}
		plain, id := c.hub.plainFrame(r, g.view, receivedAt), ""
		bytes := frame.Len()
		if plain != nil {
			id = g.view.id(r.id())
			bytes += plain.Len()
		}
		end := r.endFor(g.view)
		c.offer(g, bytes, func(l *Loop) {
			slots := g.shards[l.index].slots
			for _, sl := range slots {
				if end != nil {
					sl.subscriber.endRun(frame, end)
					continue
				}
				if sl.subscriber.pendingGaps != nil {
					sl.subscriber.deliverWithoutID(sl.index, r.at, plain, id, frame)
					continue
				}
				sl.subscriber.deliver(sl.index, r.at, frame)
			}
			l.sent.Add(uint64(len(slots)))
			if l.receivedAt.IsZero() {
				l.receivedAt = receivedAt
			}
		})
	}
}

// gap has everyone in the channel who is up to date get a gap, since events may be
// missing, and goes on from the position to.
func (c *channel) gap(reason protocol.Reason, to position) {
	gap := &protocol.Gap{Channel: c.name, Reason: reason, From: c.headID(), To: c.id(to, "")}
	if reason == protocol.Reset {
		c.formerHead = c.log.head()
	}
	c.forgetSegments()
	c.log.reset(to, "")
	if !c.history {
		c.log.gapBefore = reason
	}
	c.reportGap(gap, gap.To, func(sl slot) bool {
		if sl.subscriber.open && sl.subscriber.hasVector() {
			st := &sl.subscriber.states[sl.index]
			st.lastSent, st.hasLastSent = to, true
		}
		return sl.subscriber.open
	})
}

// reportGap has everyone in the channel who is up to date get the gap, and
// that they are at that ID then. Those for whom isHit is false are not.
func (c *channel) reportGap(gap *protocol.Gap, id string, isHit func(slot) bool) {
	c.hub.expectPendingGaps()
	for _, g := range c.groups {
		c.inLoops(g, func(l *Loop) {
			for _, sl := range g.shards[l.index].slots {
				if isHit(sl) {
					sl.subscriber.reportGap(gap, g.view.id(id))
				}
			}
		})
	}
}

// id is the ID that an event of the group carries.
func (v view) id(id string) string {
	if !v.ids {
		return ""
	}
	return id
}

// checkReady has everyone in the channel look whether all their channels are
// ready.
func (c *channel) checkReady() {
	for _, g := range c.groups {
		c.inLoops(g, func(l *Loop) {
			for _, sl := range g.shards[l.index].slots {
				sl.subscriber.checkReady()
			}
		})
	}
}

// inLoops runs f in each loop that has slots of the group.
func (c *channel) inLoops(g *group, f func(*Loop)) {
	for i, l := range c.hub.loops {
		if g.shards[i].count > 0 {
			l.Do(func() { f(l) })
		}
	}
}
