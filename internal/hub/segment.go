package hub

import (
	"cmp"
	"container/list"
	"slices"

	"github.com/caddy-sse/caddy-sse/internal/protocol"
)

// A segment is a part of a channel's history that was read for those who come
// back: all events after its start, up to its end. It can be read again, and so it
// may be forgotten at any time.
type segment struct {
	channel    *channel
	start, end position
	gapAtStart protocol.Reason // why something may be missing right after the start
	events     []*record
	bytes      int

	readers int           // replays that have not come to its end
	element *list.Element // in the memory's evictable, or, while there are readers, pinned
}

// A run is what is known to come after a position, in one piece.
type run struct {
	start      position
	gapAtStart protocol.Reason
	events     []*record
	segment    *segment // nil: it is the log
}

// run finds what comes after the position.
func (c *channel) run(at position) (piece run, found bool) {
	if !c.history || at.Compare(c.log.start) >= 0 {
		return run{start: c.log.start, events: c.log.recent}, true
	}
	if s := c.segmentAt(at); s != nil {
		return run{s.start, s.gapAtStart, s.events, s}, true
	}
	return piece, false
}

// segmentAt is a segment that says what comes right after the position.
func (c *channel) segmentAt(at position) *segment {
	i, _ := slices.BinarySearchFunc(c.segments, at, func(s *segment, p position) int {
		return cmp.Or(s.start.Compare(p), -1) // those at the position are before it
	})
	for ; i > 0; i-- {
		if s := c.segments[i-1]; at.Compare(s.end) < 0 {
			return s
		}
	}
	return nil
}

// addSegment remembers a segment, instead of those that it contains.
func (c *channel) addSegment(s *segment) {
	for _, old := range slices.Clone(c.segments) {
		if old.start.Compare(s.start) >= 0 && old.end.Compare(s.end) <= 0 {
			old.forget()
		}
	}
	i, _ := slices.BinarySearchFunc(c.segments, s.start, func(s *segment, p position) int {
		return cmp.Or(s.start.Compare(p), -1)
	})
	c.segments = slices.Insert(c.segments, i, s)
	for _, r := range s.events {
		s.bytes += r.size
	}
	s.bytes += overhead
	c.hub.memory.keep(s)
}

// forget lets go of the segment.
func (s *segment) forget() {
	if s.element == nil {
		return
	}
	c := s.channel
	c.segments = slices.DeleteFunc(c.segments, func(o *segment) bool { return o == s })
	c.hub.memory.drop(s)
}

// retire keeps an event that the log has forgotten while the history is read: the
// read was asked for before it came, and what is read has to lead to the log.
func (c *channel) retire(from position, r *record) {
	if c.reads == 0 {
		return
	}
	n := len(c.segments)
	if n > 0 && c.segments[n-1].end == from && c.segments[n-1].bytes < retiredBytes {
		s := c.segments[n-1]
		s.events, s.end = append(s.events, r), r.at
		c.hub.memory.grow(s, r.size)
		return
	}
	c.addSegment(&segment{channel: c, start: from, end: r.at, events: []*record{r}})
}

// retiredBytes is about how large a segment of retired events grows.
const retiredBytes = 64 << 10

// count counts the events after the position, and reports whether these are known
// to be all.
func (c *channel) count(at position) (n int, isAll bool) {
	for {
		piece, found := c.run(at)
		if !found {
			return n, false
		}
		i, _ := eventsAfter(piece.events, at)
		n += len(piece.events) - i
		if piece.segment == nil {
			return n, true
		}
		at = piece.segment.end
		if at.Compare(c.log.start) > 0 {
			j, _ := eventsAfter(piece.events, c.log.start)
			n -= len(piece.events) - j // the log has them, too
			at = c.log.start
		}
	}
}

// newest is the position that n events come after, or all that there are; if it is
// not known, the earliest that is.
func (c *channel) newest(n int) (at position, isKnown bool) {
	if i := len(c.log.recent) - n; i >= 0 {
		return c.positionAt(i), true
	}
	n -= len(c.log.recent)
	for at = c.log.start; at != (position{}); {
		s := c.segmentAt(at.Before())
		if s == nil {
			return at, false
		}
		i, _ := eventsAfter(s.events, at)
		if i >= n {
			return s.eventAt(i - n - 1), true
		}
		n -= i
		at = s.start
	}
	return at, true
}

// eventAt is the position of the event i, or of the start.
func (s *segment) eventAt(i int) position {
	if i < 0 {
		return s.start
	}
	return s.events[i].at
}

func maxPosition(a, b position) position {
	if a.Compare(b) > 0 {
		return a
	}
	return b
}
