package listener

import (
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard"
)

// It is a line of listener_wrappers, with nothing in it.
func TestCaddyfile(t *testing.T) {
	t.Parallel()
	adapt := func(line string) (string, error) {
		out, _, err := caddyconfig.GetAdapter("caddyfile").Adapt(
			[]byte("{\n\tservers {\n\t\tlistener_wrappers {\n\t\t\t"+line+"\n\t\t}\n\t}\n}\nhttps://a.test {\n}\n"), map[string]any{"filename": "Caddyfile"})
		return string(out), err
	}
	if out, err := adapt("sse_http2"); err != nil || !strings.Contains(out, `"listener_wrappers":[{"wrapper":"sse_http2"}]`) {
		t.Errorf("%s, %v", out, err)
	}
	for _, line := range []string{"sse_http2 now", "sse_http2 {\n\t\t\t\tpark\n\t\t\t}"} {
		if _, err := adapt(line); err == nil || !strings.Contains(err.Error(), "Caddyfile:") {
			t.Errorf("%s: %v", line, err)
		}
	}
}
