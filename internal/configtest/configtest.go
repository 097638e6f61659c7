// Package configtest reads configurations as Caddy does, in the test's own process. It has
// the directives of caddy-sse and those that httpcaddyfile has, and no other modules of
// Caddy, which would take long to link.
package configtest

import (
	"encoding/json"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile" // the adapter

	_ "github.com/caddy-sse/caddy-sse/handlers"
)

// Adapt turns a site's lines into JSON, and provisions it. The first line is the second of
// a file that is called Caddyfile.
func Adapt(t testing.TB, lines string) (string, error) {
	t.Helper()
	body, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(":8080 {\n"+lines+"\n}"), map[string]any{"filename": "Caddyfile"})
	if err != nil {
		return "", err
	}
	return string(body), Validate(t, string(body))
}

// Validate provisions a configuration. Caddy provisions one at a time, so tests of it do
// not run in parallel with each other.
func Validate(t testing.TB, config string) error {
	t.Helper()
	var c *caddy.Config
	if err := json.Unmarshal([]byte(config), &c); err != nil {
		t.Fatal(err)
	}
	c.Admin = &caddy.AdminConfig{Disabled: true}
	return caddy.Validate(c)
}

// ValidateHandler provisions a site that has this one handler.
func ValidateHandler(t testing.TB, handler string) error {
	t.Helper()
	return Validate(t, `{"apps":{"http":{"servers":{"s":{"listen":[":8080"],"routes":[{"handle":[`+handler+`]}]}}}}}`)
}
