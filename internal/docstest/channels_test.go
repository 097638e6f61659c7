package docstest

import (
	"regexp"
	"strings"
	"testing"
)

// openChannel is a channel that is all placeholder, or begins with one.
var openChannel = regexp.MustCompile(`(?m)^\s*(?:sse_(?:subscribe|publish|history|presence)(?: [/@*]\S*)?|channel) \{[a-z]\S*\.\S*\}`)

// A channel without a prefix lets clients name any that there is in Redis, so
// nobody is shown one without an allow.
func TestDocsPrefixChannels(t *testing.T) {
	t.Parallel()
	pages := docs(t)
	for _, pattern := range []string{"caddyfile-examples/*/Caddyfile*", "caddyfile-examples/*/*.md", "handlers/*/*.go"} {
		for _, path := range glob(t, pattern) {
			if !regexp.MustCompile(`_test\.go$`).MatchString(path) {
				pages[path] = string(read(t, path))
			}
		}
	}
	for path, page := range pages {
		for _, at := range openChannel.FindAllStringIndex(page, -1) {
			block, _, _ := strings.Cut(page[at[0]:], "\n\t}")
			if !strings.Contains(block, "\tallow ") {
				t.Errorf("%s shows a channel without a prefix, nor an allow: %s", path, page[at[0]:at[1]])
			}
		}
	}
	if !openChannel.MatchString("\tsse_subscribe /live/* {path.1}") {
		t.Error("nothing is a channel without a prefix")
	}
}
