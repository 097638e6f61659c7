package handlers_test

import (
	"strings"
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/configtest"
)

// A text that begins like JSON, and is none, is refused. It runs alone, too.
func TestTemplatesInTheConfiguration(t *testing.T) {
	for lines, want := range map[string]string{
		"sse_publish a {\ndata `{\"a\":}`\n}":         `the text begins like JSON, but is not JSON: {"a":}, at Caddyfile:3`,
		"sse_subscribe a {\ngreeting `{\"a\"}`\n}":    `greeting: the text begins like JSON, but is not JSON: {"a"}, at Caddyfile:3`,
		"sse_subscribe a {\npresence b `{\"a\"}`\n}":  `presence: info: the text begins like JSON, but is not JSON: {"a"}, at Caddyfile:3`,
		"sse_publish a {\ndata `{\"a\":{path.1}}`\n}": "",
		"sse_publish a {\ndata {query.m}\n}":          "",
	} {
		if _, err := configtest.Adapt(t, lines); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: got %v", lines, err)
		}
	}
	for _, handler := range []string{
		`{"handler":"sse_publish","channel":"a","data":"{\"a\":}"}`,
		`{"handler":"sse_subscribe","channels":["a"],"greeting":{"data":"{\"a\":}"}}`,
		`{"handler":"sse_subscribe","channels":["a"],"presence":{"member":"b","info":"{\"a\":}"}}`,
	} {
		err := configtest.ValidateHandler(t, handler)
		if err == nil || !strings.Contains(err.Error(), "is not JSON") {
			t.Errorf("%s: %v", handler, err)
		}
	}
}
