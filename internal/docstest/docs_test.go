package docstest

import (
	"regexp"
	"strings"
	"testing"
)

// fencedAny is a block of code of any language.
var fencedAny = regexp.MustCompile("(?ms)^```.*?^```")

// docs are what a reader is told: the README and the pages of docs/, by path.
func docs(t *testing.T) map[string]string {
	t.Helper()
	pages := make(map[string]string)
	for _, pattern := range []string{"README.md", "docs/*.md"} {
		for _, path := range glob(t, pattern) {
			pages[path] = string(read(t, path))
		}
	}
	if len(pages) < 10 {
		t.Fatalf("there are only %d pages", len(pages))
	}
	return pages
}

// allDocs is all of it.
func allDocs(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, page := range docs(t) {
		all.WriteString(page + "\n")
	}
	return all.String()
}
