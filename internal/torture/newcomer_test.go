package torture

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/protocol"
)

// firstEvents is how many of the newest events a page gets that is loaded for
// the first time: those of /new/ in the sites.
const firstEvents = 50

// brief is a page that is looked at, closed, and reloaded.
var brief = habit{time.Second, 500 * time.Millisecond}

// newcomer is a subscriber who comes for the first time, again and again.
func newcomer(channel string, gateways []gateway, r *report, random *rand.Rand) *subscriber {
	s := &subscriber{path: "/new/" + channel, gateways: gateways, habit: brief, random: random, forgets: true}
	s.listener = &arrivals{channel: channel, report: r, subscriber: s}
	return s
}

// Arrivals are the connections of one newcomer.
type arrivals struct {
	channel    string
	report     *report
	subscriber *subscriber
	// expectsGaps is as a record's.
	expectsGaps bool

	mu  sync.Mutex
	all []arrival
}

// An arrival is one connection, and what came over it.
type arrival struct {
	gateway int
	dialed  time.Time
	began   time.Time // when the first event came
	entries []entry
	gaps    map[int]bool // before the entries of these numbers
}

func (a *arrivals) opened(gateway int, _ string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all = append(a.all, arrival{gateway: gateway, dialed: a.subscriber.dialed, gaps: make(map[int]bool)})
}

func (a *arrivals) heard(e event) {
	if e.data == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	v := &a.all[len(a.all)-1]
	id, ok := protocol.ParseEntryID(e.id)
	switch {
	case e.kind == protocol.GapType && a.expectsGaps:
		v.gaps[len(v.entries)] = true
	case e.kind == protocol.GapType:
		a.add(gap, *v, string(e.data))
	case e.kind != "" || !ok:
		a.add(strange, *v, fmt.Sprintf("id %q, event %q, data %.80q", e.id, e.kind, e.data))
	default:
		if len(v.entries) == 0 {
			v.began = time.Now()
		}
		v.entries = append(v.entries, newEntry(id, e.data))
	}
}

// compare judges each connection by what the history holds: it begins at least
// so many events before the newest that there was when its first event came, and
// from there on nothing is missing, unless a gap tells so.
func (a *arrivals) compare(tr *truth) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, v := range a.all {
		if len(v.entries) == 0 {
			continue // it was cut before
		}
		next := -1         // the number of the entry that has to come
		isOwed := false    // a gap, after what is gone
		isExcused := false // something may be missing, as a gap has told
		for i, e := range v.entries {
			if v.gaps[i] {
				isExcused, isOwed = true, false
			}
			n, ok := slices.BinarySearchFunc(tr.entries, e.id, byID)
			switch {
			case tr.isGone(n, ok, e):
				isOwed = true
				continue
			case !ok:
				a.add(strange, v, e.id.String())
				continue
			case i == 0:
				after := protocol.EntryID{Ms: uint64(v.began.UnixMilli()) + 1}
				there, _ := slices.BinarySearchFunc(tr.entries, after, byID)
				// Of those that it was given then, some may be gone now.
				if want := max(0, there-firstEvents) + v.gone(tr); n > want && tr.vanished == 0 {
					a.add(lost, v, fmt.Sprintf("%d of the newest %d events: it begins with %s", n-want, firstEvents, e.id))
				}
			case isOwed:
				a.add(unsaid, v, "what is gone, before "+e.id.String())
			case n > next && isExcused:
			case n > next:
				a.add(lost, v, fmt.Sprintf("%d events before %s", n-next, e.id))
			case n < next:
				a.add(twice, v, e.id.String())
			}
			next, isOwed, isExcused = n+1, false, false
		}
	}
}

// gone is how many of the first events that came are gone.
func (v arrival) gone(tr *truth) (count int) {
	for _, e := range v.entries[:min(firstEvents, len(v.entries))] {
		if n, ok := slices.BinarySearchFunc(tr.entries, e.id, byID); tr.isGone(n, ok, e) {
			count++
		}
	}
	return count
}

func (a *arrivals) add(k kind, v arrival, text string) {
	at := a.report.diary
	a.report.add(k, "a newcomer to "+a.channel, "%s, over a connection of %s to gateway %d; the last fault: %s",
		text, at.at(v.dialed), v.gateway, at.before(v.dialed))
}
