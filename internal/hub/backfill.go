package hub

import (
	"maps"
	"slices"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/protocol"
)

const (
	// evictAfter is for how long a channel remembers what was read for those who come
	// back: in a storm, everyone comes back at once.
	evictAfter = 10 * time.Second
	// slowAfter is for how long others wait for a read that may be theirs, too. A
	// read that takes longer delays nobody.
	slowAfter = 250 * time.Millisecond
)

// A backfillRead is one read of the history, for those who waited when it was asked
// for: one that comes later may know of newer entries than it has.
type backfillRead struct {
	leader     *replay
	newest     int      // of so many newest entries; 0: of those after a position
	after      position // of those after it
	most       int      // if there are no more than so many; 0: in any case
	asked      map[*replay]int
	head       position // of the channel, when it was asked for
	generation int
	slow       *time.Timer
}

// covers reports whether the read says all that there is to know for a replay.
func (b *backfillRead) covers(r *replay, result *Backfill) bool {
	cur := &r.cursors[0]
	if _, asked := b.asked[r]; !asked {
		return false
	}
	switch {
	case cur.newest > 0 || b.newest > 0:
		return cur.newest > 0 && (cur.newest == b.newest || cur.newest < b.newest && !result.More && !result.Failed)
	case cur.at == b.after:
		return cur.located || b.most == r.subscriber.request.Max || !result.More && !result.Failed
	case cur.at.Compare(b.after) < 0 || result.Failed:
		return false
	case result.More:
		return cur.at.Compare(result.last()) <= 0 && (cur.located || b.most == r.subscriber.request.Max)
	}
	return true
}

// enqueue has the replay wait until the history is read for it.
func (c *channel) enqueue(r *replay) {
	if _, waits := c.behind[r]; !waits {
		if c.behind == nil {
			c.behind = make(map[*replay]int)
		}
		if !c.batching {
			c.turn++
		}
		c.behind[r] = c.turn
		c.reportUnreadable(r.subscriber)
	}
	c.backfill()
}

// batchReads lets all that f has go on say what they need before the history is
// read for them.
func (c *channel) batchReads(f func()) {
	c.turn++
	c.batching = true
	f()
	c.batching = false
	c.backfill()
}

// backfill reads what the one needs who has waited the longest, and among those who
// came together, the one who has been away the longest. One read at a time is
// enough while reads are fast: what one needs, others do, too.
func (c *channel) backfill() {
	if c.batching || c.reading != nil {
		return
	}
	var leader *replay
	for r, turn := range c.behind {
		if r.isReading {
			continue
		}
		if leader == nil || turn < c.behind[leader] ||
			turn == c.behind[leader] && r.cursors[0].comesBefore(&leader.cursors[0]) {
			leader = r
		}
	}
	if leader == nil {
		return
	}
	cur := &leader.cursors[0] // in a channel with history there is only one
	b := &backfillRead{
		leader: leader, newest: cur.newest, after: cur.at,
		asked: maps.Clone(c.behind), head: c.log.head(), generation: c.log.generation,
	}
	if !cur.located {
		b.most = leader.subscriber.request.Max
	}
	leader.isReading = true
	c.reading = b
	c.reads++
	b.slow = time.AfterFunc(slowAfter, func() {
		c.hub.mu.Lock()
		defer c.hub.mu.Unlock()
		if c.reading == b {
			c.reading = nil
			c.backfill()
		}
	})
	bytes := c.hub.memory.backfill()
	done := func(result Backfill) { c.backfilled(b, result) }
	if b.newest > 0 {
		c.hub.source.Newest(c.name, b.newest, bytes, done)
	} else {
		c.hub.source.Since(c.name, b.after, b.most, bytes, done)
	}
}

// comesBefore reports whether a read for the cursor is likely to serve the other, too.
func (cur *replayCursor) comesBefore(other *replayCursor) bool {
	if cur.newest > 0 || other.newest > 0 {
		return cur.newest > other.newest
	}
	return cur.at.Compare(other.at) < 0
}

// backfilled lets all who have waited for the read go on, or wait for the next.
func (c *channel) backfilled(b *backfillRead, result Backfill) {
	c.hub.mu.Lock()
	defer c.hub.mu.Unlock()
	b.slow.Stop()
	c.reads--
	b.leader.isReading = false
	if c.reading == b {
		c.reading = nil
	}
	if c.forgotten {
		return
	}
	isOfThisGeneration := c.log.generation == b.generation
	if isOfThisGeneration && !result.Failed {
		c.learn(b, &result)
		c.markEvictable()
	}
	c.batchReads(func() {
		for r := range b.asked {
			if _, waits := c.behind[r]; !waits || r.isReading {
				continue
			}
			cur := &r.cursors[0]
			if isOfThisGeneration && b.covers(r, &result) {
				if cur.newest == 0 && cur.at.Compare(c.log.head()) > 0 && result.has(cur.at) {
					delete(c.behind, r)
					c.awaitHead(r)
					continue
				}
				cur.hasRead = true
				if result.Failed {
					cur.bad = protocol.Unknown
				}
			}
			c.hub.advance(r)
		}
	})
	c.hub.memory.trim()
}

// learn remembers what was read.
func (c *channel) learn(b *backfillRead, result *Backfill) {
	head := c.log.head()
	end := result.last()
	if !result.More {
		end = maxPosition(end, b.head) // there is nothing else up to there
	}
	s := &segment{channel: c, start: result.Start, gapAtStart: result.GapAtStart, end: end}
	if end.Compare(head) > 0 {
		s.end = head // what is newer has yet to be received
	}
	for _, e := range result.Entries {
		if e.ID.Compare(s.end) <= 0 {
			s.events = append(s.events, newRecord(c, e.ID, e))
		}
	}
	if s.start.Compare(s.end) < 0 {
		c.addSegment(s)
	}
	switch {
	case b.newest > 0:
		c.learnTail(b.newest, tail{from: result.Start, isExact: true})
	case result.GapBefore == protocol.Overflow:
		c.learnTail(b.most, tail{from: result.Start, isExact: true})
	case b.most > 0:
		c.learnTail(b.most, tail{from: result.Start})
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
func (b *Backfill) has(id position) bool {
	return b.Start == id && b.GapAtStart == "" ||
		slices.ContainsFunc(b.Entries, func(e protocol.Entry) bool { return e.ID == id })
}

// last is the position of the last entry, or the start.
func (b *Backfill) last() position {
	if n := len(b.Entries); n > 0 {
		return b.Entries[n-1].ID
	}
	return b.Start
}

// awaitHead has the replay wait until the channel has come to where the
// subscriber was on a gateway that was faster.
func (c *channel) awaitHead(r *replay) {
	if c.ahead == nil {
		c.ahead = make(map[*replay]struct{})
	}
	c.ahead[r] = struct{}{}
}

// resumeAhead lets those go on who have waited for the head; after a gap, all.
func (c *channel) resumeAhead(all bool) {
	for r := range c.ahead {
		if all || r.cursors[0].at.Compare(c.log.head()) <= 0 {
			delete(c.ahead, r)
			c.hub.advance(r)
		}
	}
}

// markEvictable has what was read forgotten when nobody has needed it for a while.
func (c *channel) markEvictable() {
	if c.evictTimer != nil {
		c.evictTimer.Reset(evictAfter)
		return
	}
	c.evictTimer = time.AfterFunc(evictAfter, func() {
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
			c.evictTimer.Reset(evictAfter)
		}
	})
}

// forgetSegments forgets all that was read.
func (c *channel) forgetSegments() {
	for _, s := range slices.Clone(c.segments) {
		s.forget()
	}
	c.tails = nil
}
