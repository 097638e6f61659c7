package torture

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// A kind of thing that must not happen.
type kind string

const (
	lost       kind = "lost"
	twice      kind = "twice"
	outOfOrder kind = "out of order"
	altered    kind = "altered"
	strange    kind = "strange"     // nobody has written it
	gap        kind = "gap"         // announced where nothing can be lost
	unsaid     kind = "unannounced" // a loss without a gap
	refused    kind = "refused"
)

var kinds = []kind{lost, twice, outOfOrder, altered, strange, gap, unsaid, refused}

// examples is how many of a kind are told at length.
const examples = 5

// A report counts what must not happen, and tells the first cases of it, each of
// another subscriber.
type report struct {
	diary *diary

	mu      sync.Mutex
	counts  map[kind]int
	told    map[kind][]string
	tellers map[teller]bool
}

type teller struct {
	kind kind
	who  string
}

func newReport(d *diary) *report {
	return &report{diary: d, counts: make(map[kind]int), told: make(map[kind][]string), tellers: make(map[teller]bool)}
}

func (r *report) add(k kind, who, format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts[k]++
	if t := (teller{k, who}); len(r.told[k]) < examples && !r.tellers[t] {
		r.tellers[t] = true
		r.told[k] = append(r.told[k], who+": "+fmt.Sprintf(format, args...))
	}
}

func (r *report) count(k kind) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.counts[k]
}

// String is a line of counts, and the cases after it.
func (r *report) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var counts []string
	var cases strings.Builder
	for _, k := range kinds {
		counts = append(counts, fmt.Sprintf("%d %s", r.counts[k], k))
		for _, told := range r.told[k] {
			fmt.Fprintf(&cases, "\n%s: %s", k, told)
		}
	}
	return strings.Join(counts, ", ") + cases.String()
}

// judge fails the test if anything has happened.
func (r *report) judge(t *testing.T) {
	t.Helper()
	for _, k := range kinds {
		if r.count(k) > 0 {
			t.Error(r)
			return
		}
	}
	t.Log(r)
}

// A diary says when which fault struck.
type diary struct {
	began time.Time
	// between, if there is one, lasts about so long, and happens between faults.
	between func(time.Duration)
	// haste is by how much the time between two faults is divided; 0: not.
	haste int

	mu     sync.Mutex
	faults []noted
}

type noted struct {
	name       string
	start, end time.Time // no end: it goes on
}

func newDiary() *diary { return &diary{began: time.Now()} }

// note has the fault strike, and writes it down. Faults come one at a time.
func (d *diary) note(f fault) {
	d.mu.Lock()
	i := len(d.faults)
	d.faults = append(d.faults, noted{name: f.name, start: time.Now()})
	d.mu.Unlock()
	f.strike()
	d.mu.Lock()
	d.faults[i].end = time.Now()
	d.mu.Unlock()
}

// at is a time of the run.
func (d *diary) at(t time.Time) string { return fmt.Sprintf("%.3fs", t.Sub(d.began).Seconds()) }

// before is the last fault that had begun by then.
func (d *diary) before(t time.Time) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := len(d.faults) - 1; i >= 0; i-- {
		if f := d.faults[i]; !f.start.After(t) {
			if f.end.IsZero() {
				return fmt.Sprintf("%s since %s", f.name, d.at(f.start))
			}
			return fmt.Sprintf("%s from %s to %s", f.name, d.at(f.start), d.at(f.end))
		}
	}
	return "no fault"
}

// String counts the faults of each kind, and says how long they last on average.
func (d *diary) String() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	counts := make(map[string]int)
	last := make(map[string]time.Duration)
	var names []string
	for _, f := range d.faults {
		if counts[f.name]++; counts[f.name] == 1 {
			names = append(names, f.name)
		}
		last[f.name] += f.end.Sub(f.start)
	}
	for i, name := range names {
		names[i] = fmt.Sprintf("%d %s (%.1fs)", counts[name], name, last[name].Seconds()/float64(counts[name]))
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
