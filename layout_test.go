package caddysse_test

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
	for _, room := range []string{"/internal/hub", "/internal/eventstream", "/internal/admission"} {
		if deps[room] == nil {
			t.Fatalf("there is no %s", room)
		}
		for _, other := range []string{goRedis, "net/http"} {
			if slices.Contains(deps[room], other) {
				t.Errorf("%s leads to %s", room, other)
			}
		}
	}
	isTool := func(name string) bool {
		return strings.HasPrefix(name, "/bench") || strings.HasSuffix(name, "test") || name == "/internal/torture" || name == "/internal/faults"
	}
	for _, name := range importers[goRedis] {
		if !isTool(name) && !slices.Contains([]string{"/internal/bus", "/internal/history", "/internal/presence", "/internal/gateway", "/module"}, name) {
			t.Errorf("%s imports go-redis", name)
		}
	}
	for _, name := range importers[ours+"/handlers"] {
		if name != "" && !isTool(name) {
			t.Errorf("%s imports the handlers", name)
		}
	}
	for _, name := range importers[ours+"/internal/gateway"] {
		if !isTool(name) && !slices.Contains([]string{"/module", "/module/admin", "/handlers"}, name) {
			t.Errorf("%s imports the gateway", name)
		}
	}
}
