package docstest

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"
)

// blocks are how a block of each looks around one line. A table "Line" is the
// one of its heading's directive, a table "Line of `x`" is that of x.
var blocks = map[string]string{
	"sse":           "{\n\tsse {\n%\n\t}\n}",
	"redis":         "{\n\tsse {\n\t\tredis {\n%\n\t\t}\n\t}\n}",
	"sentinel":      "{\n\tsse {\n\t\tredis sentinel a b:1 {\n%\n\t\t}\n\t}\n}",
	"cluster":       "{\n\tsse {\n\t\tredis cluster a:1 {\n%\n\t\t}\n\t}\n}",
	"tls":           "{\n\tsse {\n\t\tredis {\n\t\t\ttls {\n%\n\t\t\t}\n\t\t}\n\t}\n}",
	"limits":        "{\n\tsse {\n\t\tlimits {\n%\n\t\t}\n\t}\n}",
	"metrics":       "{\n\tsse {\n\t\tmetrics {\n%\n\t\t}\n\t}\n}",
	"sse_subscribe": ":80 {\n\tsse_subscribe a {\n%\n\t}\n}",
	"presence":      ":80 {\n\tsse_subscribe a {\n\t\tpresence b {\n%\n\t\t}\n\t}\n}",
	"sse_publish":   ":80 {\n\tsse_publish a {\n%\n\t}\n}",
	"sse_relay":     ":80 {\n\tsse_relay a {\n%\n\t}\n}",
	"sse_history":   ":80 {\n\tsse_history a {\n%\n\t}\n}",
	"sse_presence":  ":80 {\n\tsse_presence a {\n%\n\t}\n}",
	"sse_token":     ":80 {\n\tsse_token {\n%\n\t}\n}",
}

// extended are blocks that have all lines of another, besides their own.
var extended = map[string]string{"sentinel": "redis", "cluster": "redis"}

// values are those that stand in a table's first column beside a line's name.
var values = []string{"off", "unlimited", "refuse"}

var (
	heading   = regexp.MustCompile("^#+ .*?`?(sse[a-z_]*)")
	tableOf   = regexp.MustCompile("^\\| Line(?: of `([a-z]+)`)? \\|")
	firstCell = regexp.MustCompile(`^\| ((?:[^|\\]|\\.)*) \|`)
	lineName  = regexp.MustCompile("`([a-z_]+)")
)

// Every line that the tables have is one that the block knows, and every one
// that it knows is there.
func TestDocsNameTheLines(t *testing.T) {
	t.Parallel()
	documented := make(map[string][]string)
	for path, page := range docs(t) {
		directive, table := "", ""
		for _, line := range strings.Split(page, "\n") {
			switch cell := firstCell.FindStringSubmatch(line); {
			case strings.HasPrefix(line, "#"):
				directive, table = "", ""
				if h := heading.FindStringSubmatch(line); h != nil {
					directive = h[1]
				}
			case tableOf.MatchString(line):
				if table = tableOf.FindStringSubmatch(line)[1]; table == "" {
					table = directive
				}
				if blocks[table] == "" {
					t.Errorf("%s: a table of lines of nothing that is known: %s", path, line)
				}
				if documented[table] != nil {
					t.Errorf("%s: a second table of %s", path, table)
				}
			case !strings.HasPrefix(line, "|"):
				table = ""
			case table != "" && cell != nil:
				for _, n := range lineName.FindAllStringSubmatch(cell[1], -1) {
					documented[table] = append(documented[table], n[1])
				}
			}
		}
	}
	for name, block := range blocks {
		known := knownLines(t, block)
		for _, n := range documented[name] {
			if !slices.Contains(known, n) && !slices.Contains(values, n) {
				t.Errorf("%s: the docs have %q, which does not exist", name, n)
			}
		}
		if other := extended[name]; other != "" {
			documented[name] = append(documented[name], documented[other]...)
		}
		for _, n := range known {
			if !slices.Contains(documented[name], n) {
				t.Errorf("%s: the docs lack %q", name, n)
			}
		}
	}
}

var inBlock = regexp.MustCompile("`([a-z_]+)(?: …| <[^>]*>)* \\{ ([a-z_]+)")

// What the text says of a line in a block, such as `redis { db }`, is so.
func TestDocsNameLinesInBlocks(t *testing.T) {
	t.Parallel()
	found := inBlock.FindAllStringSubmatch(allDocs(t), -1)
	if len(found) < 5 {
		t.Fatalf("only %q were found", found)
	}
	for _, f := range found {
		switch block := blocks[f[1]]; {
		case f[1] == "events": // Caddy's
		case block == "":
			t.Errorf("%s }`: there is no such block", f[0])
		case !slices.Contains(knownLines(t, block), f[2]):
			t.Errorf("%s }`: there is no such line", f[0])
		}
	}
}

// knownLines are what a block's own error says it knows.
func knownLines(t *testing.T, block string) []string {
	t.Helper()
	_, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(strings.Replace(block, "%", "nonsense", 1)), nil)
	if err == nil {
		t.Fatal("nonsense is known")
	}
	_, list, found := strings.Cut(err.Error(), "it is one of ")
	if !found {
		t.Fatal(err)
	}
	list, _, _ = strings.Cut(list, ", at ")
	return strings.Split(list, ", ")
}
