package caddysse_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"
)

// directives are how a block of each looks around one line.
var directives = map[string]string{
	"### Global option `sse`": "{\n\tsse {\n%\n\t}\n}",
	"### `sse_subscribe ":     ":80 {\n\tsse_subscribe a {\n%\n\t}\n}",
	"### `sse_publish ":       ":80 {\n\tsse_publish a {\n%\n\t}\n}",
	"### `sse_history ":       ":80 {\n\tsse_history a {\n%\n\t}\n}",
}

var (
	row  = regexp.MustCompile("(?m)^\\| (`[^|]*(?:\\\\\\|[^|]*)*) \\|")
	name = regexp.MustCompile("`([a-z_]+)")
)

// Every line that the README's tables have is one that the directive knows, and
// every one that it knows is there.
func TestReadmeNamesWhatThereIs(t *testing.T) {
	for _, section := range regexp.MustCompile(`(?m)^##+ `).Split(string(read(t, "README.md")), -1) {
		for heading, block := range directives {
			if !strings.HasPrefix("### "+section, heading) {
				continue
			}
			delete(directives, heading)
			documented := make(map[string]bool)
			for _, r := range row.FindAllStringSubmatch(section, -1) {
				for _, n := range name.FindAllStringSubmatch(r[1], -1) {
					documented[n[1]] = true
				}
			}
			known := knownLines(t, block)
			for n := range documented {
				if !known[n] && n != "off" {
					t.Errorf("%s: the README has %q, which does not exist", heading, n)
				}
			}
			for n := range known {
				if !documented[n] {
					t.Errorf("%s: the README lacks %q", heading, n)
				}
			}
		}
	}
	for heading := range directives {
		t.Errorf("the README has no section %s", heading)
	}
}

// knownLines are what a directive's own error says it knows.
func knownLines(t *testing.T, block string) map[string]bool {
	t.Helper()
	_, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(strings.Replace(block, "%", "nonsense", 1)), nil)
	if err == nil {
		t.Fatal("nonsense is known")
	}
	_, list, _ := strings.Cut(err.Error(), "it is one of ")
	list, _, _ = strings.Cut(list, ", at ")
	known := make(map[string]bool)
	for _, n := range strings.Split(list, ", ") {
		known[n] = true
	}
	return known
}
