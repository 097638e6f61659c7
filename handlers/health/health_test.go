package health_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

const healthSite = `http://{$ADDR} {
	sse_health /health
	sse_subscribe /events c
	respond "the app"
}`

// Health tells of a Redis that is frozen, or gone, and back, within 5 seconds,
// and so does Caddy's event system.
func TestHealth(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	g := gatewaytest.Start(t, "\tdebug\n"+gatewaytest.RedisOption(server), healthSite)
	ask := func(query string) (status int, text string) {
		t.Helper()
		r, body := gatewaytest.Do(t, "GET", "http://"+g.Addr+"/health"+query, "")
		return r.StatusCode, body
	}
	becomes := func(status int, reason string) {
		t.Helper()
		redistest.Await(t, http.StatusText(status), func() bool {
			got, body := ask("")
			return got == status && strings.Contains(body, reason)
		})
		if ready, _ := ask("?ready"); ready != status {
			t.Errorf("?ready is %d, not %d", ready, status)
		}
		if live, body := ask("?live"); live != http.StatusOK || !strings.Contains(body, `"status":"ok"`) {
			t.Errorf("?live is %d: %s", live, body)
		}
		if _, body := gatewaytest.Do(t, "GET", "http://"+g.Addr+"/", ""); body != "the app" {
			t.Errorf("the app answers %s", body)
		}
	}
	becomes(200, `"up":true`)
	s := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), "http://"+g.Addr+"/events")
	redistest.Await(t, "a probe", func() bool {
		_, body := ask("")
		var answer struct {
			Subscribers int
			Redis       struct {
				Probe float64 `json:"probe_ms"`
				Since time.Time
			}
		}
		return json.Unmarshal([]byte(body), &answer) == nil && answer.Subscribers == 1 && answer.Redis.Probe > 0 && time.Since(answer.Redis.Since) < time.Minute
	})
	server.Freeze()
	becomes(503, "redis does not answer")
	server.Thaw()
	becomes(200, `"reasons":[]`)
	server.Kill()
	becomes(503, "redis is away")
	server.Restart()
	becomes(200, `"reasons":[]`)
	s.Leave()
	if r, body := gatewaytest.Do(t, "POST", "http://"+g.Addr+"/health", ""); body != "the app" {
		t.Errorf("POST was answered %s %s", r.Status, body)
	}
	redistest.Await(t, "the end in the log", func() bool { return strings.Contains(g.Log(), `"name":"sse.subscriber_closed"`) })
	for event, n := range map[string]int{`"name":"sse.redis_up"`: 3, `"name":"sse.redis_down"`: 2, `"reason":"left"`: 1} {
		if got := strings.Count(g.Log(), event); got != n {
			t.Errorf("%s was emitted %d times, not %d", event, got, n)
		}
	}
}
