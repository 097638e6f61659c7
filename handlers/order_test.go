package handlers_test

import (
	"strings"
	"testing"

	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/caddy-sse/caddy-sse"
	"github.com/caddy-sse/caddy-sse/internal/configtest"
)

// The directives come after what keeps clients out, and before the blocks that may take
// every request.
func TestOrderOfDirectives(t *testing.T) {
	got, err := configtest.Adapt(t, "handle {\nrespond x\n}\nsse_history a\nbasic_auth {\nBob $2a$14$Zkx19XLiW6VYouLHR5NmfOFU0z2GTNmpkT/5qqR7hx4IjWJPDhjvG\n}")
	if err != nil {
		t.Fatal(err)
	}
	auth, history, respond := strings.Index(got, `"authentication"`), strings.Index(got, `"sse_history"`), strings.Index(got, `"static_response"`)
	if auth > history || history > respond {
		t.Errorf("sse_history is not between authentication and handle:\n%s", got)
	}
}
