package docstest

import (
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-sse/caddy-sse/internal/jsonreference"
)

var update = flag.Bool("update", false, "write docs/json.md")

// The reference of the JSON is what the source says, each of whose fields has a doc
// comment, and it has every module.
func TestJSONReference(t *testing.T) {
	const path = "docs/json.md"
	page, err := jsonreference.Page(".")
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(path, []byte(page), 0o644); err != nil { //nolint:gosec // it is for all to read
			t.Fatal(err)
		}
	}
	if string(read(t, path)) != page {
		t.Errorf("%s is not what the source says: go test ./internal/docstest -run TestJSONReference -update", path)
	}
	for _, m := range caddy.GetModules("http.handlers") {
		if name := m.ID.Name(); strings.HasPrefix(name, "sse_") && !strings.Contains(page, "\n## The handler `"+name+"`\n") {
			t.Errorf("%s lacks %s", path, name)
		}
	}
	for _, m := range caddy.GetModules("caddy.listeners") {
		if name := m.ID.Name(); strings.HasPrefix(name, "sse_") && !strings.Contains(page, "\n## The listener wrapper `"+name+"`\n") {
			t.Errorf("%s lacks %s", path, name)
		}
	}
}

// The example is one that Caddy takes. It runs alone: Caddy provisions one
// configuration at a time.
func TestJSONExample(t *testing.T) {
	t.Setenv("REDIS_PASSWORD", "secret")
	validate := func(config string) error {
		var c *caddy.Config
		if err := json.Unmarshal([]byte(config), &c); err != nil {
			t.Fatal(err)
		}
		c.Admin = &caddy.AdminConfig{Disabled: true}
		return caddy.Validate(c)
	}
	if err := validate(jsonreference.Example); err != nil {
		t.Error(err)
	}
	for _, field := range []string{"heartbeat", "username", "subscribers_per_ip", "channels", "max_duration", "maxlen", "member"} {
		misspelt := strings.Replace(jsonreference.Example, `"`+field+`"`, `"the_`+field+`"`, 1)
		if err := validate(misspelt); err == nil || !strings.Contains(err.Error(), "the_"+field) {
			t.Errorf("the_%s is taken: %v", field, err)
		}
	}
}
