package torture

import (
	"fmt"

	"github.com/caddy-sse/caddy-sse/internal/protocol"
)

// A toldGap is a gap that a subscriber was told of.
type toldGap struct {
	before int // the number of the entry that came next
	reason protocol.Reason
	when   string
}

// A loss is what Redis has lost of what one subscriber was given, or was to be.
type loss struct {
	seen   int // entries that it was given, and that are gone
	skips  int // entries that are there, which it was not given, but told of by a gap
	gaps   int
	needed int // gaps that it had to get: after those entries
	again  int // entries that are gone, and came from another gateway after such a gap
}

// A judgeOfLoss judges what came, of what Redis has lost, and which gaps. Somebody who was
// given what is gone has to be told, before he is given what is there.
type judgeOfLoss struct {
	record  *record
	ids     map[protocol.EntryID]int // gone, and after how many gaps they came
	pending int                      // of those, since the last that is there; -1: none
	bounds  []bounds                 // of gaps, in the order of these
	next    int                      // the gap that comes next
}

// Bounds are the entries that came before and after a gap, of those that are there.
type bounds struct{ after, before protocol.EntryID }

func vanishedOf(r *record) *judgeOfLoss {
	return &judgeOfLoss{record: r, ids: make(map[protocol.EntryID]int), pending: -1, bounds: make([]bounds, len(r.gaps))}
}

// came takes an entry that is gone.
func (j *judgeOfLoss) came(i int) {
	id := j.record.entries[i].id
	j.passGaps(i)
	// A gap of a reset goes back, and another gateway may not know of it yet.
	switch gaps, isSecond := j.ids[id]; {
	case isSecond && gaps == j.next:
		j.record.add(twice, i, id)
	case isSecond:
		j.record.loss.again++
	}
	j.ids[id] = j.next
	j.pending = i
	j.record.loss.seen++
}

// passGaps takes the gaps before the entry i.
func (j *judgeOfLoss) passGaps(i int) {
	for ; j.next < len(j.record.gaps) && j.record.gaps[j.next].before <= i; j.next++ {
		if j.pending >= 0 {
			j.record.loss.needed++
		}
		j.pending = -1
	}
}

// stays takes an entry that is there.
func (j *judgeOfLoss) stays(i int) {
	j.passGaps(i)
	if j.pending >= 0 {
		j.record.add(unsaid, j.pending, j.record.entries[j.pending].id)
		j.pending = -1
	}
	id := j.record.entries[i].id
	for g, told := range j.record.gaps {
		switch {
		case told.before > i && id.Compare(j.bounds[g].after) > 0:
			j.bounds[g].after = id
		case told.before <= i && j.bounds[g].before == (protocol.EntryID{}):
			j.bounds[g].before = id
		}
	}
}

// isTold reports whether a gap was where the entry should have come.
func (j *judgeOfLoss) isTold(id protocol.EntryID) bool {
	for _, b := range j.bounds {
		if id.Compare(b.after) > 0 && (b.before == (protocol.EntryID{}) || id.Compare(b.before) < 0) {
			j.record.loss.skips++
			return true
		}
	}
	return false
}

// finish judges the gaps.
func (j *judgeOfLoss) finish(tr *truth) {
	r := j.record
	r.loss.gaps = len(r.gaps)
	for _, g := range r.gaps {
		switch {
		case g.reason != protocol.Reset && (g.reason != protocol.Unknown || r.loss.seen == 0): // who comes to a gateway that has never received it
			r.report.add(gap, r.name, "of reason %q, after %s%s", g.reason, r.tell(g.before-1), g.when)
		case tr.vanished == 0 && r.loss.seen == 0:
			r.report.add(gap, r.name, "though nothing is gone, after %s%s", r.tell(g.before-1), g.when)
		}
	}
}

// A lossTotal is of all subscribers.
type lossTotal struct{ vanished, seen, skips, gaps, needed, again int }

func (t *lossTotal) add(l loss) {
	t.seen, t.skips, t.gaps, t.needed, t.again = t.seen+l.seen, t.skips+l.skips, t.gaps+l.gaps, t.needed+l.needed, t.again+l.again
}

func (t *lossTotal) String() string {
	return fmt.Sprintf("Redis has lost %d confirmed entries, of which, and of others, subscribers had been given %d; %d gaps told of it, %d of them to those, and excuse %d entries that are there; %d of what is gone came again after such a gap",
		t.vanished, t.seen, t.gaps, t.needed, t.skips, t.again)
}
