package faults

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

var measure = flag.Bool("measure", false, "measure all faults, and write the table into docs/reliability.md")

// What is promised.
const (
	noticedWithin  = 5 * time.Second
	repairedWithin = time.Second
)

// A result is what one fault was for the subscribers.
type result struct {
	noticed, repaired time.Duration
	wasNoticed        bool
	live, history     told
}

// told is what a page was told, and what it was not.
type told struct {
	missed, late int
	latest       time.Duration
	gaps         int
	gapAfter     time.Duration // the end of the fault
}

func TestFaults(t *testing.T) {
	if !*measure {
		t.Skip("it takes four minutes: make faults")
	}
	results := make(map[string]result)
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			r := f.measure(t)
			results[f.name] = r
			t.Logf("%+v", r)
			if !f.isBrief && !f.isQuiet && (!r.wasNoticed || r.noticed > noticedWithin) {
				t.Errorf("it was noticed after %s: %t", r.noticed, r.wasNoticed)
			}
			if r.repaired > repairedWithin {
				t.Errorf("it was over %s after its end", r.repaired)
			}
		})
	}
	if len(results) == len(faults) {
		writeTable(t, results)
	}
}

// measure has the fault strike, and looks what comes of it.
func (f *fault) measure(t *testing.T) (r result) {
	s := newScene(t)
	time.Sleep(time.Second) // of the ordinary course
	struck := time.Now()
	f.strike(s)
	time.Sleep(time.Until(struck.Add(f.lasts)))
	f.mend(s)
	mended := time.Now()

	at, found := s.health.first(false, struck, mended)
	r.noticed, r.wasNoticed = at.Sub(struck), found
	var over time.Time
	redistest.Await(t, "the first events after it", func() bool {
		live, isLive := s.live.firstSaid(s.writer, s.writer.live, mended)
		stored, isStored := s.history.firstSaid(s.writer, s.writer.stored, mended)
		healthy, isHealthy := s.health.first(true, mended, mended.Add(time.Hour))
		for _, at := range []time.Time{live, stored, healthy} {
			if at.After(over) {
				over = at
			}
		}
		return isLive && isStored && isHealthy
	})
	r.repaired = over.Sub(mended)
	time.Sleep(6 * time.Second) // gaps are spread over 3 seconds, and wait for 2 at most
	r.live = s.live.judge(t, "live", s.writer, s.writer.live, struck, mended)
	r.history = s.history.judge(t, "history", s.writer, s.writer.stored, struck, mended)
	if r.history.missed > 0 || r.history.gaps > 0 {
		t.Errorf("the history has %d gaps, and misses %d", r.history.gaps, r.history.missed)
	}
	return r
}

// firstSaid is when the first came of what was said after then.
func (p *page) firstSaid(w *writer, said map[int]time.Time, after time.Time) (at time.Time, found bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	for n, when := range said {
		if came, ok := p.events[n]; ok && when.After(after) && (!found || came.Before(at)) {
			at, found = came, true
		}
	}
	return at, found
}

// lateAfter is after what time an event is late.
const lateAfter = 500 * time.Millisecond

// judge compares what was said with what came: what came not has to be told of.
func (p *page) judge(t *testing.T, kind string, w *writer, said map[int]time.Time, struck, mended time.Time) (r told) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	for n, when := range said {
		if when.Before(struck.Add(-time.Second)) || when.After(time.Now().Add(-2*time.Second)) {
			continue
		}
		came, ok := p.events[n]
		switch after := came.Sub(when); {
		case !ok:
			r.missed++
		case after > lateAfter:
			r.late++
			r.latest = max(r.latest, after)
		}
	}
	if r.gaps = len(p.gaps); r.gaps > 0 {
		r.gapAfter = p.gaps[0].Sub(mended)
	}
	if p.twice > 0 || r.missed > 0 && r.gaps == 0 {
		t.Errorf("%s: %d events came twice, %d were missed with %d gaps", kind, p.twice, r.missed, r.gaps)
	}
	return r
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }
