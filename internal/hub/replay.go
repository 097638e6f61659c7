package hub

import (
	"cmp"

	"github.com/caddy-sse/caddy-sse/internal/eventstream"
	"github.com/caddy-sse/caddy-sse/internal/protocol"
)

// A replay sends a subscriber what it has missed: in one channel with history, or in
// all its live channels together, whose event IDs are one sequence. It goes batch by
// batch, each when the one before is written, so that nobody is sent more at once
// than may wait for it. At the end the subscriber is up to date, and enters the
// channels' groups, all at once: the next event finds it there.
type replay struct {
	subscriber *Subscriber
	cursors    []replayCursor
	batch      []replayStep
	gaps       []*protocol.Gap // that it has yet to get
	hasEvents  bool            // it has come by some, which were missed
	isReading  bool            // the history is being read for it
	isOver     bool            // the run has ended, and the subscription with it
}

// A replayCursor is how far a replay has come in one channel.
type replayCursor struct {
	index   int
	at      position // what came up to here has been sent
	located bool     // it was found in the log once

	// Where it begins, until it is located, if not there.
	fromHead bool
	newest   int
	bad      protocol.Reason // there is no knowing where it was
	from     string          // where it was, as it said itself
	hasRead  bool            // the history was read for it
	segment  *segment        // it is on its way through
}

func (r *replay) channel(cur *replayCursor) *channel { return r.subscriber.states[cur.index].channel }

// A replayStep is one frame of a batch, or a gap that a fault has made while the page
// was open.
type replayStep struct {
	index int
	at    position
	frame *eventstream.Frame
	gap   *protocol.Gap
	isGap bool  // the frame tells of gaps to somebody who comes back
	end   error // why the subscription ends with the frame; nil: it does not
}

// A batch ends after so many events or bytes.
const (
	batchEvents = 256
	batchBytes  = 64 << 10
)

// advance takes the next batch.
func (h *Hub) advance(r *replay) {
	s := r.subscriber
	if s.left {
		return
	}
	upToDate := false
	for !upToDate && len(r.batch) == 0 {
		for i := range r.cursors {
			if cur := &r.cursors[i]; !r.locate(cur) {
				r.channel(cur).enqueue(r)
				return
			}
			delete(r.channel(&r.cursors[i]).behind, r)
		}
		r.addGaps()
		upToDate = r.fill()
	}
	batch := r.batch
	r.batch = nil
	if !upToDate {
		s.loop.Do(func() {
			s.sendBatch(batch)
			s.checkReady()
			if r.isOver {
				return
			}
			s.whenWritten(func() {
				h.mu.Lock()
				defer h.mu.Unlock()
				h.advance(r)
			})
		})
		return
	}
	r.release()
	for _, cur := range r.cursors {
		st := &s.states[cur.index]
		st.replay = nil
		st.group = st.channel.enter(s.view(cur.index), s.loop)
	}
	id := s.newestID()
	s.loop.Do(func() {
		s.sendBatch(batch)
		for _, cur := range r.cursors {
			s.enter(cur.index, cur.at)
		}
		s.sendCurrentID(id)
		s.checkReady()
	})
	s.forgetRequest()
}

// release lets go of what the replay has read.
func (r *replay) release() {
	for i := range r.cursors {
		r.pin(&r.cursors[i], nil)
	}
}

// pin keeps the segment for the cursor that is on its way through it, instead of the
// one before; nil: none.
func (r *replay) pin(cur *replayCursor, s *segment) {
	if cur.segment == s {
		return
	}
	mem := &r.subscriber.hub.memory
	if cur.segment != nil {
		mem.addReaders(cur.segment, -1)
	}
	if cur.segment = s; s != nil {
		mem.addReaders(s, +1)
	}
}

// locate finds where the subscriber is in what the channel remembers, and tells it
// of a gap if it missed what nobody has any more; false: the history has to be
// read.
func (r *replay) locate(cur *replayCursor) bool {
	c := r.channel(cur)
	was := cur.at
	var reason protocol.Reason
	isFound := true
	switch {
	case cur.bad != "" || cur.fromHead:
		reason, cur.at = cur.bad, c.log.head()
	case c.history:
		reason, isFound = c.locate(cur, r.subscriber.request.Max)
	case cur.at.Compare(c.log.start) < 0:
		reason, cur.at = c.log.gapBefore, c.log.start
	}
	if !isFound {
		return false
	}
	if reason != "" {
		if cur.from == "" && cur.located && c.history {
			cur.from = was.String()
		}
		r.gap(cur, reason, cur.fromHead)
	}
	*cur = replayCursor{index: cur.index, at: cur.at, located: true, segment: cur.segment}
	return true
}

// locate finds the cursor in a channel with history, and says what was missed before
// it.
func (c *channel) locate(cur *replayCursor, most int) (missed protocol.Reason, isFound bool) {
	if cur.newest > 0 {
		at, isKnown := c.newest(cur.newest)
		if t, isFresh := c.tail(cur.newest); !isKnown && t.isExact && (isFresh || cur.hasRead) {
			at, isKnown = t.from, true
		}
		if !isKnown && !cur.hasRead {
			return "", false
		}
		cur.at = at
		return "", true
	}
	if head := c.log.head(); cur.at.Compare(head) > 0 {
		if !cur.hasRead {
			return "", false // another gateway may have been faster than this one
		}
		cur.at = head
		return protocol.Reset, true
	}
	t, hasTail := c.tail(most)
	if cur.hasRead {
		t, hasTail = c.tails[most]
	}
	piece, isFound := c.run(cur.at)
	if cur.located {
		if !isFound {
			return "", false
		}
		return piece.gapAfterSent(cur.at), true
	}
	if hasTail && t.isExact && cur.at.Compare(t.from) < 0 {
		if n, isAll := c.count(cur.at); !isAll || n > most {
			cur.at = t.from
			return protocol.Overflow, true
		}
	}
	if !isFound {
		return "", false
	}
	switch n, isAll := c.count(cur.at); {
	case isAll && n > most:
		missed = cmp.Or(c.gapAfterClaimed(piece, cur.at), protocol.Overflow)
		cur.at, _ = c.newest(most)
		return missed, true
	case !isAll && !cur.hasRead && !(hasTail && cur.at.Compare(t.from) >= 0):
		return "", false
	}
	return c.gapAfterClaimed(piece, cur.at), true
}

// gapAfterSent says why something may be missing right after the position of an event
// that the subscriber has been sent from here; empty if nothing is.
func (piece run) gapAfterSent(at position) protocol.Reason {
	if i, isEvent := eventsAfter(piece.events, at); i == 0 && !isEvent {
		return piece.gapAtStart
	}
	return ""
}

// gapAfterClaimed says why it cannot be known what came right after the position, which the
// subscriber says it was at; empty if it can.
func (c *channel) gapAfterClaimed(piece run, at position) protocol.Reason {
	i, isEvent := eventsAfter(piece.events, at)
	switch {
	case at == piece.start && piece.gapAtStart != protocol.Unknown:
		return piece.gapAtStart
	case isEvent:
		return ""
	case at.Compare(c.formerHead) <= 0:
		return protocol.Reset
	case i == 0 && piece.start == (position{}): // it is older than all that there is
		return cmp.Or(piece.gapAtStart, protocol.Reset)
	}
	return protocol.Unknown
}

// positionAt is the position right before the event i of the log.
func (c *channel) positionAt(i int) position {
	if i <= 0 {
		return c.log.start
	}
	return c.log.at(i - 1).at
}

// gap adds a gap to the batch, up to where the subscriber is now. Somebody who comes
// back gets its gap at once; those whom a fault has hit have theirs spread.
func (r *replay) gap(cur *replayCursor, reason protocol.Reason, isOfFault bool) {
	s, c := r.subscriber, r.channel(cur)
	to := cur.at.String()
	if !c.history {
		first, _ := c.log.after(cur.at)
		to = c.idAt(first)
	}
	s.needsID = true
	gap := &protocol.Gap{Channel: c.name, Reason: reason, From: cur.from, To: to}
	if isOfFault {
		s.hub.expectPendingGaps()
		r.batch = append(r.batch, replayStep{index: cur.index, at: cur.at, gap: gap})
		return
	}
	r.gaps = append(r.gaps, gap)
}

// addGaps adds one event to the batch for all gaps of somebody who comes back.
func (r *replay) addGaps() {
	if len(r.gaps) == 0 {
		return
	}
	s, cur := r.subscriber, &r.cursors[0]
	id := r.gaps[0].To
	if len(r.cursors) > 1 {
		id = "" // there may still be events of other channels before it
	}
	s.hub.countGap(r.gaps[0].Reason)
	frame := protocol.GapsFrame(r.gaps, s.view(cur.index).id(id))
	r.batch, r.gaps = append(r.batch, replayStep{index: cur.index, at: cur.at, frame: frame, isGap: true}), nil
}

// fill fills the batch with what came after, in the order in which it came, and
// reports whether that is all.
func (r *replay) fill() (upToDate bool) {
	s := r.subscriber
	room := min(batchBytes, s.request.Pending/2/len(s.states))
	rest := make([][]*record, len(r.cursors)) // what comes next
	for n := range r.cursors {
		if !r.enterRun(n, rest) {
			return false
		}
	}
	for {
		first := -1
		var oldest *record
		for n := range r.cursors {
			if len(rest[n]) == 0 {
				continue
			}
			if next := rest[n][0]; oldest == nil || next.at.Compare(oldest.at) < 0 {
				first, oldest = n, next
			}
		}
		if oldest == nil {
			return true
		}
		cur := &r.cursors[first]
		frame := oldest.frame(s.view(cur.index))
		if room -= frame.Len(); room < 0 && len(r.batch) > 0 || len(r.batch) == batchEvents {
			return false
		}
		end := oldest.endFor(s.view(cur.index))
		r.batch = append(r.batch, replayStep{index: cur.index, at: oldest.at, frame: frame, end: end})
		if !r.hasEvents {
			r.hasEvents = true
			s.hub.counts.replays++
		}
		s.hub.counts.replayed++
		cur.at = oldest.at
		if end != nil {
			r.isOver = true
			return false
		}
		if rest[first] = rest[first][1:]; len(rest[first]) == 0 && !r.enterRun(first, rest) {
			return false
		}
	}
}

// enterRun finds what comes after the cursor, and moves on to the next run at
// the end of one; false: the history has to be read.
func (r *replay) enterRun(n int, rest [][]*record) bool {
	cur := &r.cursors[n]
	for {
		piece, found := r.channel(cur).run(cur.at)
		if !found {
			r.pin(cur, nil)
			return false
		}
		i, _ := eventsAfter(piece.events, cur.at)
		if rest[n] = piece.events[i:]; len(rest[n]) > 0 || piece.segment == nil {
			r.pin(cur, piece.segment)
			return true
		}
		cur.at = piece.segment.end
	}
}
