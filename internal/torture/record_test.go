package torture

import (
	"encoding/json"
	"fmt"
	"hash/maphash"
	"slices"
	"sync"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/presence"
	"github.com/caddy-sse/caddy-sse/internal/protocol"
)

// An entry of a history, as far as it is kept: its data is a hash.
type entry struct {
	id   protocol.EntryID
	data uint64
}

var hashSeed = maphash.MakeSeed()

func newEntry(id protocol.EntryID, data []byte) entry {
	return entry{id, maphash.Bytes(hashSeed, data)}
}

func byID(e entry, id protocol.EntryID) int { return e.id.Compare(id) }

// A record is all that one subscriber of a history was given.
type record struct {
	name    string // with its channel
	channel string
	report  *report

	// expectsGaps says that Redis may lose what it has confirmed: a gap is judged in the
	// end.
	expectsGaps bool

	mu      sync.Mutex
	entries []entry
	visits  []visit
	gaps    []toldGap
	loss    loss
}

// A visit is one connection to a gateway.
type visit struct {
	gateway int
	lastID  string // which the gateway was told
	at      time.Time
	first   int // the number of entries before it
}

func (r *record) opened(gateway int, lastID string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.visits = append(r.visits, visit{gateway, lastID, time.Now(), len(r.entries)})
}

func (r *record) heard(e event) {
	if e.data == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	id, ok := protocol.ParseEntryID(e.id)
	switch {
	case e.kind == protocol.GapType && r.expectsGaps:
		var told protocol.Gap
		_ = json.Unmarshal(e.data, &told) // a gap without a reason is judged
		r.gaps = append(r.gaps, toldGap{len(r.entries), told.Reason, r.now()})
	case e.kind == protocol.GapType:
		r.report.add(gap, r.name, "%s after %s%s", e.data, r.tell(len(r.entries)-1), r.now())
	case e.kind == presence.JoinType || e.kind == presence.LeaveType:
	case e.kind != "" || !ok:
		r.report.add(strange, r.name, "id %q, event %q, data %.80q%s", e.id, e.kind, e.data, r.now())
	default:
		r.entries = append(r.entries, newEntry(id, e.data))
	}
}

func (r *record) hasOpened() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.visits) > 0
}

// last is the ID of the entry that came last.
func (r *record) last() (id protocol.EntryID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(r.entries); n > 0 {
		id = r.entries[n-1].id
	}
	return id
}

// now says when and where something comes.
func (r *record) now() string {
	now, n := time.Now(), len(r.visits)
	if n == 0 {
		return ""
	}
	v := r.visits[n-1]
	return fmt.Sprintf(", at %s on its connection %d, to gateway %d, which was told %q at %s; the last fault: %s",
		r.report.diary.at(now), n, v.gateway, v.lastID, r.report.diary.at(v.at), r.report.diary.before(now))
}

// tell says which entry came as number i, and how.
func (r *record) tell(i int) string {
	if i < 0 || i >= len(r.entries) {
		return "nothing"
	}
	n, _ := slices.BinarySearchFunc(r.visits, i, func(v visit, i int) int { return v.first - i - 1 })
	if n == 0 {
		return r.entries[i].id.String()
	}
	v := r.visits[n-1]
	return fmt.Sprintf("%s (connection %d, to gateway %d, told %q at %s; the last fault: %s)",
		r.entries[i].id, n, v.gateway, v.lastID, r.report.diary.at(v.at), r.report.diary.before(v.at))
}

// compare judges the record by what the history holds, from its beginning.
func (r *record) compare(tr *truth) {
	came := make([]bool, len(tr.entries))
	var furthest protocol.EntryID
	vanished := vanishedOf(r)
	for i, e := range r.entries {
		n, ok := slices.BinarySearchFunc(tr.entries, e.id, byID)
		switch {
		case tr.isGone(n, ok, e):
			vanished.came(i)
			continue
		case !ok:
			r.add(strange, i, e.id)
			continue
		case came[n]:
			r.add(twice, i, e.id)
		case e.id.Compare(furthest) < 0:
			r.add(outOfOrder, i, e.id)
		}
		if e.data != tr.entries[n].data {
			r.add(altered, i, e.id)
		}
		vanished.stays(i)
		came[n] = true
		if e.id.Compare(furthest) > 0 {
			furthest = e.id
		}
	}
	for n, e := range tr.entries {
		if !came[n] && !vanished.isTold(e.id) {
			// Where it should have come: as far as they are in order, between these.
			i, _ := slices.BinarySearchFunc(r.entries, e.id, byID)
			r.add(lost, i, e.id)
		}
	}
	vanished.finish(tr)
}

// add reports what is wrong with the entry that came, or should have, as
// number i.
func (r *record) add(k kind, i int, id protocol.EntryID) {
	after := i + 1
	if k == lost {
		after = i
	}
	written := time.UnixMilli(int64(id.Ms))
	r.report.add(k, r.name, "%s, written at %s (the last fault: %s); before it %s; after it %s", id,
		r.report.diary.at(written), r.report.diary.before(written), r.tell(i-1), r.tell(after))
}
