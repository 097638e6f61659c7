package blackbox_test

import (
	"os"
	"strings"
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// With the recipe of the documentation neither the access log nor the error log
// holds a token that is in the URL.
func TestTokensInLogs(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/access.md")
	if err != nil {
		t.Fatal(err)
	}
	_, recipe, _ := strings.Cut(string(page), "## Tokens in the URL")
	_, recipe, _ = strings.Cut(recipe, "```caddyfile\n{\n")
	recipe, _, _ = strings.Cut(recipe, "```")
	global, site, ok := strings.Cut(recipe, "\n}\n\n:8080 {\n")
	if !ok {
		t.Fatalf("the recipe is not where it was: %s", recipe)
	}
	server := redistest.Start(t)
	g := gatewaytest.Start(t, "\tdebug\n"+global+"\n"+gatewaytest.RedisOption(server), "http://{$ADDR} {\n\treverse_proxy /app localhost:1\n"+site)
	for path, status := range map[string]string{
		"/app?token=secret7":  "502", // there is no app
		"/feed?token=secret7": "200", // the gate cannot reach its app: sse.busy
	} {
		if response, body := gatewaytest.Do(t, "GET", "http://"+g.Addr+path, "", "Accept: */*"); !strings.HasPrefix(response.Status, status) {
			t.Fatalf("%s was answered %s: %s", path, response.Status, body)
		}
	}
	for _, line := range []string{
		`"logger":"http.log.error","msg":"`,
		`"logger":"http.log.access","msg":"handled request"`,
		`"uri":"/app?token=REDACTED"`,
		`"uri":"/feed?token=REDACTED"`,
	} {
		redistest.Await(t, line, func() bool { return strings.Contains(g.Log(), line) })
	}
	for line := range strings.Lines(g.Log()) {
		if strings.Contains(line, "secret7") {
			t.Errorf("the token is in the log: %s", line)
		}
	}
}
