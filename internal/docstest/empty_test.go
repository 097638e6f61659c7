package docstest

import (
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"
)

// An empty text means nothing anywhere, so that it is an error in each line of each
// block, with its place: it is what an environment variable becomes that is not set.
func TestEmptyArguments(t *testing.T) {
	t.Parallel()
	files := []string{
		":80 {\n\tsse_subscribe /x \"\"\n}", ":80 {\n\tsse_publish /x \"\"\n}", ":80 {\n\tsse_history /x \"\"\n}",
		":80 {\n\tsse_presence /x \"\"\n}", ":80 {\n\tsse_health /x \"\"\n}",
		"{\n\tsse {\n\t\tredis embedded \"\"\n\t}\n}", "{\n\tsse {\n\t\tredis \"\" {\n\t\t\tdb 1\n\t\t}\n\t}\n}", "{\n\tsse \"\"\n}",
	}
	for _, block := range blocks {
		for _, line := range knownLines(t, block) {
			files = append(files, strings.Replace(block, "%", line+` ""`, 1))
		}
	}
	for _, file := range files {
		_, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(file), map[string]any{"filename": "Caddyfile"})
		if err == nil || !strings.Contains(err.Error(), "Caddyfile:") {
			t.Errorf("%s\ngot %v", file, err)
		}
	}
}
