package docstest

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/caddy-sse/caddy-sse"
)

var fenced = regexp.MustCompile("(?s)```caddyfile\n(.*?)```")

// Every Caddyfile that a reader may copy adapts, and is formatted.
func TestCaddyfilesInDocsAndExamples(t *testing.T) {
	caddyfiles := make(map[string][]byte)
	for _, pattern := range []string{"*.md", "docs/*.md", "packaging/*.md", "monitoring/*.md", "caddyfile-examples/*/*.md"} {
		for _, path := range glob(t, pattern) {
			for _, block := range fenced.FindAllSubmatch(read(t, path), -1) {
				caddyfiles[path+":\n"+string(block[1])] = block[1]
			}
		}
	}
	for _, path := range append(glob(t, "caddyfile-examples/*/*Caddyfile*"), "packaging/Caddyfile") {
		caddyfiles[path] = read(t, path)
	}
	for name, value := range map[string]string{"DRAIN": "20", "HEALTH_PORT": "8081"} { // as the chart sets them
		t.Setenv(name, value)
	}
	caddyfiles["the chart's"] = []byte(chartCaddyfile(t))
	if len(caddyfiles) < 4 {
		t.Fatalf("only %d Caddyfiles were found", len(caddyfiles))
	}
	for name, text := range caddyfiles {
		if _, _, err := caddyconfig.GetAdapter("caddyfile").Adapt(text, nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if formatted := caddyfile.Format(text); !bytes.Equal(bytes.TrimSpace(formatted), bytes.TrimSpace(text)) {
			t.Errorf("%s is not as `caddy fmt` has it:\n%s", name, formatted)
		}
	}
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
