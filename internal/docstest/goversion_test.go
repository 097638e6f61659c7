package docstest

import (
	"regexp"
	"testing"
)

// Those who build it are told which Go that takes, as the go.mod has it.
func TestGoVersionInDocs(t *testing.T) {
	want := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindSubmatch(read(t, "go.mod"))[1]
	named := regexp.MustCompile(`\[Go\]\(https://go\.dev/dl/\) (\d+\.\d+)`)
	for _, path := range append([]string{"README.md", "docs/first-steps.md"}, glob(t, "caddyfile-examples/*/README.md")...) {
		if got := named.FindSubmatch(read(t, path)); got == nil || string(got[1]) != string(want) {
			t.Errorf("%s names %q, not Go %s", path, got, want)
		}
	}
}
