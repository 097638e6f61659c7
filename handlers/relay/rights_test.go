package relay_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// The rights that the docs name are enough, and without those for the relay an answer goes
// by, with a log that says what is missing.
func TestRights(t *testing.T) {
	t.Parallel()
	docs, err := os.ReadFile("../../docs/redis.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rules, _ := strings.Cut(string(docs), "    ACL SETUSER gateway ")
	rules, _, _ = strings.Cut(rules, "\n\n")
	relay := regexp.MustCompile("For `sse_relay` besides: `([^`]+)`").FindStringSubmatch(string(docs))
	if relay == nil {
		t.Fatal("docs/redis.md names no rights for sse_relay")
	}
	app, server := newApp(t), redistest.Start(t)
	setUser := func(rules string) {
		command := []any{"ACL", "SETUSER", "gateway"}
		for _, rule := range strings.Fields(rules) {
			command = append(command, strings.ReplaceAll(rule, "chat:", "c"))
		}
		server.Do(command...)
	}
	setUser(rules)
	g := gatewaytest.Start(t, "\tsse {\n\t\tredis "+server.URL("gateway:secret")+"\n\t\tdrain 0\n\t}", strings.Replace(app.sites("abandon 10s"), "ends\n", "ends\nstop\n", 1))
	c, s := begun(t, app, g, "c0")
	if s.Header.Get("Sse-Relay") != "off" || !strings.Contains(g.Log(), "sse.relay.*") {
		t.Errorf("without rights: %v\n%s", s.Header, g.Log())
	}
	c.end()
	setUser(relay[1])
	c, s = begun(t, app, g, "c1")
	c.event("one")
	reader := resume(t, g, "c1")
	reader.Await("data: one\n\n")
	if response, _ := gatewaytest.Do(t, "DELETE", "http://"+g.Addr+"/runs/c1?run="+s.Header.Get("Sse-Run"), ""); response.StatusCode != 204 {
		t.Errorf("stopping: %s", response.Status)
	}
	if err := reader.AwaitEnd(); err == nil {
		t.Error("the reader's ended cleanly")
	}
	g.AwaitMetric(`relay_answers_total{result="stopped"}`, 1)
	if log := g.Log(); strings.Count(log, "NOPERM") > strings.Count(log, "an answer is not relayed") {
		t.Errorf("the log: %s", log)
	}
}
