package docstest

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// The rooms keep to ARCHITECTURE.md: what must not know of what.
func TestLayout(t *testing.T) {
	t.Parallel()
	const ours, goRedis = "github.com/caddy-sse/caddy-sse", "github.com/redis/go-redis/v9"
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}|{{join .Deps " "}}`, "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	importers := make(map[string][]string)
	deps := make(map[string][]string)
	for line := range strings.Lines(string(out)) {
		direct, all, _ := strings.Cut(strings.TrimSpace(line), "|")
		name, direct, _ := strings.Cut(direct, " ")
		for _, imported := range strings.Fields(direct) {
			importers[imported] = append(importers[imported], strings.TrimPrefix(name, ours))
		}
		deps[strings.TrimPrefix(name, ours)] = strings.Fields(all)
	}
	for _, room := range []string{"/internal/hub", "/internal/eventstream", "/internal/protocol", "/internal/limits"} {
		if deps[room] == nil {
			t.Fatalf("there is no %s", room)
		}
		for _, other := range []string{goRedis, "net/http"} {
			if slices.Contains(deps[room], other) {
				t.Errorf("%s leads to %s", room, other)
			}
		}
	}
	// The logger brings net/http along; nothing of ours on the way uses it.
	for _, room := range []string{"/internal/broker", "/internal/feed", "/internal/presence"} {
		if deps[room] == nil {
			t.Fatalf("there is no %s", room)
		}
		if slices.Contains(deps[room], goRedis) {
			t.Errorf("%s leads to %s", room, goRedis)
		}
		for _, name := range importers["net/http"] {
			if name == room || slices.Contains(deps[room], ours+name) {
				t.Errorf("%s leads to net/http by %s", room, name)
			}
		}
	}
	for _, dep := range deps["/internal/eventstream"] {
		if strings.HasPrefix(dep, ours) {
			t.Errorf("the wire format leads to %s", dep)
		}
	}
	isTool := func(name string) bool {
		return strings.HasSuffix(name, "test") || name == "/internal/torture" || name == "/internal/faults"
	}
	for _, name := range importers[goRedis] {
		if !isTool(name) && name != "/internal/broker/redis" {
			t.Errorf("%s imports go-redis", name)
		}
	}
	for _, name := range importers["github.com/prometheus/client_golang/prometheus"] {
		if name != "/internal/metrics" {
			t.Errorf("%s imports Prometheus", name)
		}
	}
	for _, name := range importers[ours+"/handlers"] {
		if name != "" && !isTool(name) {
			t.Errorf("%s imports the handlers", name)
		}
	}
	for room := range deps {
		if !strings.HasPrefix(room, "/handlers/") || slices.Contains([]string{"/handlers/request", "/handlers/answer", "/handlers/page", "/handlers/opening"}, room) {
			continue
		}
		for _, name := range importers[ours+room] { // a directive
			if name != "/handlers" {
				t.Errorf("%s imports %s", name, room)
			}
		}
	}
	for _, name := range importers[ours+"/internal/gateway"] {
		if !isTool(name) && !slices.Contains([]string{"/module", "/module/admin", "/internal/metrics"}, name) && !strings.HasPrefix(name, "/handlers/") {
			t.Errorf("%s imports the gateway", name)
		}
	}
}
