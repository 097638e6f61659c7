package torture

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/eventstream"
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

	mu  sync.Mutex
	all []arrival
}

// An arrival is one connection, and what came over it.
type arrival struct {
	gateway int
	dialed  time.Time
	began   time.Time // when the first event came
	ids     []eventstream.EntryID
}

func (a *arrivals) opened(gateway int, _ string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all = append(a.all, arrival{gateway: gateway, dialed: a.subscriber.dialed})
}

func (a *arrivals) heard(e event) {
	if e.data == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	v := &a.all[len(a.all)-1]
	id, ok := eventstream.ParseEntryID(e.id)
	switch {
	case e.kind == eventstream.GapType:
		a.add(gap, *v, string(e.data))
	case e.kind != "" || !ok:
		a.add(strange, *v, fmt.Sprintf("id %q, event %q, data %.80q", e.id, e.kind, e.data))
	default:
		if len(v.ids) == 0 {
			v.began = time.Now()
		}
		v.ids = append(v.ids, id)
	}
}

// compare judges each connection by what the history holds: it begins at least
// so many events before the newest that there was when its first event came, and
// from there on nothing is missing.
func (a *arrivals) compare(truth []entry) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, v := range a.all {
		if len(v.ids) == 0 {
			continue // it was cut before
		}
		first, ok := slices.BinarySearchFunc(truth, v.ids[0], byID)
		if !ok {
			a.add(strange, v, v.ids[0].String())
			continue
		}
		after := eventstream.EntryID{Ms: uint64(v.began.UnixMilli()) + 1}
		there, _ := slices.BinarySearchFunc(truth, after, byID)
		if want := max(0, there-firstEvents); first > want {
			a.add(lost, v, fmt.Sprintf("%d of the newest %d events: it begins with %s", first-want, firstEvents, v.ids[0]))
		}
		for i, id := range v.ids {
			switch n, ok := slices.BinarySearchFunc(truth, id, byID); {
			case !ok:
				a.add(strange, v, id.String())
			case n > first+i:
				a.add(lost, v, fmt.Sprintf("%d events before %s", n-first-i, id))
				first = n - i
			case n < first+i:
				a.add(twice, v, id.String())
				first = n - i
			}
		}
	}
}

func (a *arrivals) add(k kind, v arrival, text string) {
	at := a.report.diary
	a.report.add(k, "a newcomer to "+a.channel, "%s, over a connection of %s to gateway %d; the last fault: %s",
		text, at.at(v.dialed), v.gateway, at.before(v.dialed))
}
