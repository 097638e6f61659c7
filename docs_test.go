package caddysse_test

import (
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
)

// directives are how a block of each looks around one line.
var directives = map[string]string{
	"### Global option `sse`": "{\n\tsse {\n%\n\t}\n}",
	"### `sse_subscribe ":     ":80 {\n\tsse_subscribe a {\n%\n\t}\n}",
	"### `sse_publish ":       ":80 {\n\tsse_publish a {\n%\n\t}\n}",
	"## Limits\n":             "{\n\tsse {\n\t\tlimits {\n%\n\t\t}\n\t}\n}",
	"### `sse_presence ":      ":80 {\n\tsse_presence a {\n%\n\t}\n}",
	"### `sse_history ":       ":80 {\n\tsse_history a {\n%\n\t}\n}",
}

// values are those that stand in a table's first column beside a line's name.
var values = map[string]bool{"off": true, "unlimited": true, "refuse": true}

var (
	row  = regexp.MustCompile("(?m)^\\| (`[^|]*(?:\\\\\\|[^|]*)*) \\|")
	name = regexp.MustCompile("`([a-z_]+)")
)

// Every line that the README's tables have is one that the directive knows, and
// every one that it knows is there.
func TestReadmeNamesWhatThereIs(t *testing.T) {
	for _, section := range regexp.MustCompile(`(?m)^##+ `).Split(string(read(t, "README.md")), -1) {
		for heading, block := range directives {
			if !strings.HasPrefix(section, strings.TrimLeft(heading, "# ")) {
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
				if !known[n] && !values[n] {
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

var metric = regexp.MustCompile(`caddy_sse_[a-z_]+`)

// Every metric that the README has is one that Caddy shows, and the other way
// round.
func TestReadmeNamesTheMetrics(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, "\tsse {\n\t\tdrain 0\n\t\tmetrics {\n\t\t\tper_channel *\n\t\t}\n\t}", "http://{$ADDR} {\n\tsse_subscribe c\n}")
	gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), "http://"+g.Addr)
	_, shown := gatewaytest.Do(t, "GET", g.Admin+"/metrics", "")
	parts := strings.NewReplacer("_bucket", "", "_sum", "", "_count", "") // of a histogram
	documented, there := string(read(t, "README.md")), metric.FindAllString(parts.Replace(shown), -1)
	if len(there) == 0 {
		t.Fatal("there are no metrics")
	}
	for _, name := range there {
		if !strings.Contains(documented, name) {
			t.Errorf("the README lacks %s", name)
		}
	}
	for _, name := range metric.FindAllString(documented, -1) {
		if !slices.Contains(there, name) {
			t.Errorf("the README has %s, which does not exist", name)
		}
	}
}

var (
	command  = regexp.MustCompile(`(?m)^caddy sse .*`)
	flagName = regexp.MustCompile(`--[a-z]+`)
)

// Every command that the README has exists, with its flags.
func TestReadmeNamesTheCommands(t *testing.T) {
	t.Parallel()
	commands := command.FindAllString(string(read(t, "README.md")), -1)
	if len(commands) < 6 {
		t.Fatalf("there are only %q", commands)
	}
	for _, line := range commands {
		line, _, _ = strings.Cut(line, "#")
		name := strings.Fields(line)[2]
		help, err := exec.Command(gatewaytest.Binary(t), "sse", name, "--help").Output()
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, flag := range flagName.FindAllString(line, -1) {
			if !strings.Contains(string(help), flag+" ") {
				t.Errorf("caddy sse %s has no %s:\n%s", name, flag, help)
			}
		}
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
