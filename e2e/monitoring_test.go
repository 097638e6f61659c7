package e2e

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

const monitoring = "../monitoring/"

// The alerts are rules that Prometheus takes, and fire when they should.
func TestAlerts(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"check", "config", "prometheus.yml"}, {"check", "rules", "alerts.yml"}, {"test", "rules", "alerts_test.yml"}} {
		cmd := exec.Command(tool(t, "promtool"), args...)
		cmd.Dir = monitoring
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}

type panel struct {
	ID      int
	Type    string
	Title   string
	Targets []struct{ Expr string }
}

// panels are the dashboard's.
func panels(t *testing.T) []panel {
	t.Helper()
	text, err := os.ReadFile(monitoring + "dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct{ Panels []panel }
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	return dashboard.Panels
}

func TestDashboardPanels(t *testing.T) {
	t.Parallel()
	seen := make(map[int]string)
	for _, p := range panels(t) {
		if other, again := seen[p.ID]; again || p.ID == 0 {
			t.Errorf("the panels %q and %q have one ID, %d", other, p.Title, p.ID)
		}
		seen[p.ID] = p.Title
		if (p.Type == "row") != (len(p.Targets) == 0) {
			t.Errorf("%q, a %s, has %d queries", p.Title, p.Type, len(p.Targets))
		}
	}
}

var metric = regexp.MustCompile(`\b(?:caddy_sse|process|go)_[a-z0-9_]+`)

// Each metric that somebody looks at or is woken by is there from the beginning,
// before anything has gone wrong; and a real Prometheus draws each panel.
func TestPrometheus(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	g := gatewaytest.Start(t, "\tsse {\n\t\tredis "+server.Addr+"\n\t\tdrain 0\n\t\tmetrics {\n\t\t\tper_channel *\n\t\t}\n\t}", `http://{$ADDR} {
	metrics /metrics
	sse_subscribe /c c
}`)
	for range 3 {
		gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), "http://"+g.Addr+"/c")
	}
	redistest.Await(t, "a subscription", func() bool { return server.Listeners("c") == 1 })

	alerts, err := os.ReadFile(monitoring + "alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	queries := make(map[string]string) // by the panel's title
	looked := string(alerts)
	for _, p := range panels(t) {
		for _, target := range p.Targets {
			queries[target.Expr] = p.Title
			looked += "\n" + target.Expr
		}
	}
	for _, where := range []string{g.Admin, "http://" + g.Addr} { // the admin endpoint, and Caddy's directive
		_, shown := gatewaytest.Do(t, "GET", where+"/metrics", "")
		for _, name := range metric.FindAllString(looked, -1) {
			if !strings.Contains(shown, "\n"+name+" ") && !strings.Contains(shown, "\n"+name+"{") {
				t.Errorf("%s has no metric %s", where, name)
			}
		}
	}

	prometheus := startPrometheus(t, g)
	redistest.Await(t, "the number of subscribers", func() bool {
		r := query(t, prometheus, "sum(caddy_sse_subscribers)")
		return len(r) == 1 && r[0].Value[1] == "3"
	})
	variables := strings.NewReplacer("$instance", ".+", "$__rate_interval", "1m")
	for expr, title := range queries {
		redistest.Await(t, "the panel "+title+": "+expr, func() bool {
			server.Do("PUBLISH", "c", "hello")
			return len(query(t, prometheus, variables.Replace(expr))) > 0
		})
	}
}

// startPrometheus runs one with the configuration that we ship, but for where the
// gateway is, and more often. It returns its URL.
func startPrometheus(t *testing.T, g *gatewaytest.Gateway) string {
	t.Helper()
	config, err := os.ReadFile(monitoring + "prometheus.yml")
	if err != nil {
		t.Fatal(err)
	}
	alerts, err := filepath.Abs(monitoring + "alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "prometheus.yml")
	text := strings.NewReplacer("localhost:2019", strings.TrimPrefix(g.Admin, "http://"), "15s", "200ms", "alerts.yml", alerts).Replace(string(config))
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, addr := serve(t, func(addr string) *exec.Cmd {
		return exec.Command(tool(t, "prometheus"), "--config.file", path, "--storage.tsdb.path", filepath.Join(dir, "data"),
			"--web.listen-address", addr, "--scrape.discovery-reload-interval", "100ms") // or it may wait for 5 s twice before it begins
	})
	redistest.Await(t, "Prometheus", func() bool {
		response, err := http.Get("http://" + addr + "/-/ready")
		if err != nil {
			return false
		}
		response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
	return "http://" + addr
}

type result struct {
	Metric map[string]string
	Value  [2]any // time, value
}

// query asks Prometheus, which has to understand.
func query(t *testing.T, prometheus, expr string) []result {
	t.Helper()
	_, body := gatewaytest.Do(t, "GET", prometheus+"/api/v1/query?query="+url.QueryEscape(expr), "")
	var answer struct {
		Status string
		Error  string
		Data   struct{ Result []result }
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil || answer.Status != "success" {
		t.Fatalf("%s: %v %s", expr, err, body)
	}
	return answer.Data.Result
}
