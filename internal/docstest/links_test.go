package docstest

import (
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	link       = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	headings   = regexp.MustCompile(`(?m)^#+ (.*)$`)
	linked     = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)
	notInAHref = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
)

// Every relative link leads to a file, and to a heading in it.
func TestLinks(t *testing.T) {
	t.Parallel()
	count := 0
	for _, pattern := range []string{"*.md", "*/*.md", "*/*/*.md"} {
		for _, from := range glob(t, pattern) {
			if strings.HasPrefix(from, "dist/") { // what make release has copied
				continue
			}
			text := fencedAny.ReplaceAllString(string(read(t, from)), "")
			for _, l := range link.FindAllStringSubmatch(text, -1) {
				if strings.Contains(l[1], "://") {
					continue
				}
				count++
				target, anchor, _ := strings.Cut(l[1], "#")
				to := path.Join(path.Dir(from), target)
				if target == "" {
					to = from
				}
				if _, err := os.Stat(to); err != nil {
					t.Errorf("%s: %s leads nowhere: %v", from, l[1], err)
				} else if anchor != "" && !slices.Contains(anchors(t, to), anchor) {
					t.Errorf("%s: %s: there is no such heading", from, l[1])
				}
			}
		}
	}
	if count < 100 {
		t.Errorf("only %d links were found", count)
	}
}

// anchors are what a page's headings are called in links, as GitHub has it.
func anchors(t *testing.T, page string) (all []string) {
	t.Helper()
	for _, h := range headings.FindAllStringSubmatch(fencedAny.ReplaceAllString(string(read(t, page)), ""), -1) {
		text := linked.ReplaceAllString(h[1], "$1")
		all = append(all, strings.ReplaceAll(notInAHref.ReplaceAllString(strings.ToLower(text), ""), " ", "-"))
	}
	return all
}
