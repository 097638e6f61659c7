package gatewaytest

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// Metric is the value of a series, as Caddy shows it; -1 if there is none. Its name
// comes without caddy_sse_.
func (g *Gateway) Metric(series string) float64 {
	g.t.Helper()
	_, text := Do(g.t, "GET", g.Admin+"/metrics", "")
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, "caddy_sse_"+series+" "); ok {
			n, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				g.t.Fatal(err)
			}
			return n
		}
	}
	return -1
}

// AwaitMetric waits until a series has that value.
func (g *Gateway) AwaitMetric(series string, want float64) {
	g.t.Helper()
	redistest.Await(g.t, fmt.Sprint(series, " to be ", want), func() bool { return g.Metric(series) == want })
}

// RSS is how many bytes the process has in memory. Where there is no /proc the test is
// skipped.
func (g *Gateway) RSS() int {
	g.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", g.PID()))
	if err != nil {
		g.t.Skip("there is no /proc here")
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	n, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		g.t.Fatal(err)
	}
	return n << 10
}
