package report

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// A Storm is what one server did in one round when all came back at once.
type Storm struct {
	// Took is from the first connect until the last has all that it missed, in
	// seconds.
	Took float64 `json:"took_s"`
	// CPU is that of the server, in seconds; CPUPerEvent in microseconds for
	// each event that was replayed to somebody.
	CPU         float64 `json:"cpu_s"`
	CPUPerEvent float64 `json:"cpu_per_event_us"`
	RedisCPU    float64 `json:"redis_cpu_s"`
	// Calls are those to Redis.
	Calls           Calls   `json:"redis_calls"`
	CallsPerChannel float64 `json:"redis_calls_per_channel"`
	// CalmP50 and CalmP99 are latencies of events to those who never left,
	// before the storm, P50 and P99 while it lasts, in milliseconds.
	CalmP50 float64 `json:"calm_p50_ms"`
	P50     float64 `json:"p50_ms"`
	CalmP99 float64 `json:"calm_p99_ms"`
	P99     float64 `json:"p99_ms"`

	Received uint64 `json:"received"`
	Missing  uint64 `json:"missing"`
	Repeated uint64 `json:"repeated"`
	Gaps     uint64 `json:"gaps"`
	Ended    int    `json:"ended"`
	Failure  string `json:"failure,omitempty"`

	OtherCores float64 `json:"other_cores"`
}

// Calls are calls to Redis, by command.
type Calls map[string]float64

// Sum is how many there were.
func (c Calls) Sum() (sum float64) {
	for _, n := range c {
		sum += n
	}
	return sum
}

// String is the commands, the most frequent first.
func (c Calls) String() string {
	var names, texts []string
	for name, n := range c {
		if n >= 0.5 {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		if c[a] != c[b] {
			return int(c[b] - c[a])
		}
		return strings.Compare(a, b)
	})
	for _, name := range names {
		texts = append(texts, fmt.Sprintf("%.0f %s", c[name], strings.ToUpper(name)))
	}
	return strings.Join(texts, ", ")
}

var stormMetrics = []metric[Storm]{
	{"all back, s", func(s *Storm) *float64 { return &s.Took }, 2, 0.01},
	{"CPU in all, s", func(s *Storm) *float64 { return &s.CPU }, 2, 0.01},
	{"CPU per event, µs", func(s *Storm) *float64 { return &s.CPUPerEvent }, 2, 0.01},
	{"Redis CPU, s", func(s *Storm) *float64 { return &s.RedisCPU }, 3, 0.001},
	{"Redis calls per channel", func(s *Storm) *float64 { return &s.CallsPerChannel }, 1, 0.1},
	{"live p50, ms", func(s *Storm) *float64 { return &s.P50 }, 1, 0},
	{"without", func(s *Storm) *float64 { return &s.CalmP50 }, 1, 0},
	{"live p99, ms", func(s *Storm) *float64 { return &s.P99 }, 1, 0},
	{"without", func(s *Storm) *float64 { return &s.CalmP99 }, 1, 0},
}

// A StormResult is a server's storms, one each round.
type StormResult struct {
	Server  string  `json:"server"`
	Median  Storm   `json:"median"`
	Samples []Storm `json:"rounds"`
}

// NewStormResult sums storms up: medians of what is measured, sums of what is
// counted.
func NewStormResult(server string, samples []Storm) StormResult {
	r := StormResult{Server: server, Samples: samples}
	r.Median.Calls = make(Calls)
	for _, m := range stormMetrics {
		*m.of(&r.Median) = median(samples, m.of)
	}
	for _, s := range samples {
		for name := range s.Calls {
			r.Median.Calls[name] = median(samples, func(s *Storm) *float64 { n := s.Calls[name]; return &n })
		}
		r.Median.Received += s.Received
		r.Median.Missing += s.Missing
		r.Median.Repeated += s.Repeated
		r.Median.Gaps += s.Gaps
		r.Median.Ended += s.Ended
		if r.Median.Failure == "" {
			r.Median.Failure = s.Failure
		}
	}
	return r
}

// StormTable writes storms as a table of Markdown, and below it which calls to
// Redis there were, and what should make one doubt them. The first is what the
// others are compared with, and has no subscribers.
func StormTable(w io.Writer, results []StormResult) error {
	rows := [][]string{{"server"}}
	for _, m := range stormMetrics {
		rows[0] = append(rows[0], m.heading)
	}
	rows[0] = append(rows[0], "lost")
	for i := range results {
		r := &results[i]
		row := []string{r.Server}
		for _, m := range stormMetrics {
			switch {
			case *m.of(&results[0].Median) > 0:
				row = append(row, cell(m, &r.Median, &results[0].Median))
			case i == 0:
				row = append(row, "")
			default:
				row = append(row, cell(m, &r.Median, nil))
			}
		}
		lost := ""
		if i > 0 {
			lost = strconv.FormatUint(r.Median.Missing, 10)
		}
		rows = append(rows, append(row, lost))
	}
	_, err := io.WriteString(w, align(rows)+stormNotes(results))
	return err
}

func stormNotes(results []StormResult) string {
	var b strings.Builder
	note := func(format string, args ...any) { fmt.Fprintf(&b, "- "+format+"\n", args...) }
	for _, r := range results {
		note("%s: Redis was called for %v.", r.Server, r.Median.Calls)
	}
	good := true
	for _, r := range results {
		m := r.Median
		if m.Missing+m.Repeated+m.Gaps > 0 || m.Ended > 0 {
			good = false
			note("%s: %d events never came, %d came twice or out of order, %d gaps were told of, %d connections ended early (%q).",
				r.Server, m.Missing, m.Repeated, m.Gaps, m.Ended, m.Failure)
		}
		for i, s := range r.Samples {
			if s.OtherCores > busyElsewhere {
				note("%s, round %d: something else kept %.2f cores busy.", r.Server, i+1, s.OtherCores)
			}
		}
	}
	if good {
		b.WriteString("\nEvery subscriber got every event, once and in order, and none was told of a gap.\n")
	}
	return "\n" + b.String()
}
