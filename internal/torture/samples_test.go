package torture

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"
	"time"
)

// A column is something that gateways use, and that has to stay as it is.
type column struct {
	name string
	of   func(metric func(name string) float64) float64
	unit float64
	// growth is how much more the last fifth of the samples may have in the median
	// than the second fifth; 0: any.
	growth float64
}

// The files of subscribers are their sockets, whose number goes up and down.
var columns = []column{
	{"subscribers", func(m func(string) float64) float64 { return m("caddy_sse_subscribers") }, 1, 0},
	{"heap MiB", func(m func(string) float64) float64 { return m("go_memstats_heap_alloc_bytes") }, 1 << 20, .10},
	{"RSS MiB", func(m func(string) float64) float64 { return m("process_resident_memory_bytes") }, 1 << 20, .10},
	{"goroutines", func(m func(string) float64) float64 { return m("go_goroutines") }, 1, .10},
	{"other files", func(m func(string) float64) float64 { return m("process_open_fds") - m("caddy_sse_subscribers") }, 1, .10},
	{"remembered MiB", func(m func(string) float64) float64 { return m("caddy_sse_memory_bytes") }, 1 << 20, .10},
}

// A sample is what all gateways together used at a time.
type sample struct {
	at     time.Duration
	values []float64 // by column
}

type samples []sample

// sampleThroughout asks all gateways at each interval, until the context is done.
// A gateway that does not answer fails the test.
func sampleThroughout(ctx context.Context, t *testing.T, gateways []gateway, interval time.Duration) (all samples) {
	began := time.Now()
	for ticks := time.NewTicker(interval); ; {
		select {
		case <-ticks.C:
		case <-ctx.Done():
			ticks.Stop()
			return all
		}
		s := sample{time.Since(began), make([]float64, len(columns))}
		for _, g := range gateways {
			text, err := scrape(g)
			if err != nil {
				t.Error(err)
				return all
			}
			for i, c := range columns {
				s.values[i] += c.of(func(name string) float64 { return sum(text, name) }) / c.unit
			}
		}
		all = append(all, s)
	}
}

// scrape is the text of a gateway's metrics, after a garbage collection.
func scrape(g gateway) (text string, err error) {
	for _, path := range []string{"/debug/pprof/heap?gc=1", "/metrics"} {
		response, err := http.Get(g.admin + path)
		if err != nil {
			return "", err
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err := cmp.Or(err, statusError(response)); err != nil {
			return "", err
		}
		text = string(body)
	}
	return text, nil
}

func statusError(r *http.Response) error {
	if r.StatusCode != http.StatusOK {
		return errors.New(r.Status)
	}
	return nil
}

// sum is the metric's value, of all its labels together.
func sum(text, name string) (total float64) {
	for line := range strings.Lines(text) {
		rest, ok := strings.CutPrefix(line, name)
		if ok && (rest[0] == ' ' || rest[0] == '{') {
			value, _ := strconv.ParseFloat(strings.TrimSpace(rest[strings.LastIndexByte(rest, ' '):]), 64) // as Prometheus writes it
			total += value
		}
	}
	return total
}

// fifth is what was used in that fifth of the time, by column.
func (s samples) fifth(n int) []float64 { return s[len(s)*(n-1)/5 : len(s)*n/5].medians() }

func (s samples) medians() []float64 {
	medians := make([]float64, len(columns))
	for i := range columns {
		var values []float64
		for _, one := range s {
			values = append(values, one.values[i])
		}
		slices.Sort(values)
		medians[i] = values[len(values)/2]
	}
	return medians
}

// judge fails the test if the gateways use more in the end than in the
// beginning, and shows how it went, by the median of each fifteenth.
func (s samples) judge(t *testing.T) {
	t.Helper()
	const rows = 15
	if len(s) < rows {
		t.Fatalf("there are only %d samples", len(s))
	}
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(name string, cell func(column int) string) {
		fmt.Fprint(w, name, "\t")
		for i := range columns {
			fmt.Fprint(w, cell(i), "\t")
		}
		fmt.Fprintln(w)
	}
	numbers := func(name string, values []float64) {
		row(name, func(i int) string { return strconv.FormatFloat(values[i], 'f', 1, 64) })
	}
	row("", func(i int) string { return columns[i].name })
	for i := range rows {
		part := s[len(s)*i/rows : len(s)*(i+1)/rows]
		numbers("to "+part[len(part)-1].at.Round(time.Second).String(), part.medians())
	}
	before, after := s.fifth(2), s.fifth(5)
	numbers("second fifth", before)
	numbers("last fifth", after)
	row("growth", func(i int) string { return fmt.Sprintf("%+.1f %%", 100*(after[i]/before[i]-1)) })
	row("allowed", func(i int) string {
		if columns[i].growth == 0 {
			return "any"
		}
		return fmt.Sprintf("%+.1f %%", 100*columns[i].growth)
	})
	w.Flush()
	t.Logf("the gateways together, %d samples:\n%s", len(s), table.String())
	for _, c := range s.grown() {
		t.Errorf("the %s grow", c)
	}
}

// grown are the names of the columns that do not stay as they are.
func (s samples) grown() (names []string) {
	before, after := s.fifth(2), s.fifth(5)
	for i, c := range columns {
		if c.growth > 0 && after[i] > before[i]*(1+c.growth) {
			names = append(names, c.name)
		}
	}
	return names
}

// A slow leak is found, and what only goes up and down is not.
func TestSamplesFindGrowth(t *testing.T) {
	var s samples
	for i := range 100 {
		values := make([]float64, len(columns))
		for c := range values {
			values[c] = 100 + float64(i%7)
		}
		values[0] += float64(i)     // subscribers may become more
		values[1] += float64(i) / 3 // a leak
		s = append(s, sample{values: values})
	}
	if grown := s.grown(); !slices.Equal(grown, []string{columns[1].name}) {
		t.Errorf("what grows is %q", grown)
	}
}
