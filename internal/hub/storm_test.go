package hub_test

import (
	"fmt"
	"strings"
	"testing"

	. "github.com/caddy-sse/caddy-sse/internal/hub"
)

// However many come back at once, to wherever they were, the history is read once
// for all of them, and not again for those who come a moment later.
func TestReplaysAreShared(t *testing.T) {
	src := &longHistory{entries: 100}
	h := New(src, 2)
	var outs []*outlet
	comeBack := func(n int) {
		for range n {
			s, out := keeper(true, fmt.Sprint("1-", len(outs)%100), Retention{}, "one")
			h.Join(s)
			h.Attach(s, func(*Loop) Outlet { return out })
			outs = append(outs, out)
		}
	}
	comeBack(500)
	src.answer()
	comeBack(500)
	src.answer()
	h.Settle()
	if got := src.String(); got != "since one" {
		t.Errorf("the source was asked %q", got)
	}
	for i, out := range outs {
		if got := strings.Count(out.got.String(), "data: xx"); got != 100-i%100 {
			t.Fatalf("who was at 1-%d gets %d events", i%100, got)
		}
	}
}
