package docstest

import (
	"regexp"
	"testing"
)

// openChannel is a channel that is all placeholder, or begins with one.
var openChannel = regexp.MustCompile(`(?m)^\s*(?:sse_(?:subscribe|publish|history|presence)(?: [/@*]\S*)?|channel) \{[a-z]\S*\.\S*\}`)

// A channel without a prefix lets clients name any that there is in Redis, so
// nobody is shown one.
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
		if found := openChannel.FindString(page); found != "" {
			t.Errorf("%s shows a channel without a prefix: %s", path, found)
		}
	}
	if !openChannel.MatchString("\tsse_subscribe /live/* {path.1}") {
		t.Error("nothing is a channel without a prefix")
	}
}
