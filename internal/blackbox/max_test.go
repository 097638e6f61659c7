package blackbox_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// max and last hold where the history is read in many pages, with scripts and
// where Redis denies them.
func TestMaxAndLastOfManyPages(t *testing.T) {
	for name, rule := range map[string]string{"by a script": "+eval", "by reading": "-eval"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			fillHistory(t, server, "large", 1000, 2000)
			server.Do("ACL", "SETUSER", "default", rule, strings.Replace(rule, "eval", "evalsha", 1))
			g := gatewaytest.Start(t, gatewaytest.RedisOption(server), `http://{$ADDR} {
				sse_subscribe /h/* {path.1} {
					history last 300 max 500
				}
			}`)
			for path, want := range map[string]struct {
				id, gap string
				events  int
			}{
				"too much":  {"1-0", `"reason":"overflow","from":"1-0","to":"500-0"`, 500},
				"again":     {"499-0", `"reason":"overflow","from":"499-0","to":"500-0"`, 500},
				"all of it": {"500-0", "", 500},
				"less":      {"800-0", "", 200},
				"newest":    {"", "", 300},
			} {
				s := gatewaytest.ComeBack(t, g, "/h/large", want.id)
				s.Await("id: 1000-0\ndata: ")
				got := s.Text()
				if n := strings.Count(got, "data: xxx"); n != want.events || strings.Contains(got, "sse.gap") != (want.gap != "") || !strings.Contains(got, want.gap) {
					t.Errorf("%s: %d events, %s", path, n, got[:min(len(got), 300)])
				}
				if first := fmt.Sprintf("id: %d-0\ndata: x", 1001-want.events); !strings.Contains(got, first) {
					t.Errorf("%s does not begin with %s", path, first)
				}
				s.Leave()
			}
		})
	}
}
