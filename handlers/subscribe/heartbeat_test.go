package subscribe_test

import (
	"net/http"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// A heartbeat can be an event, which has no ID, over the socket as over a response; and the
// stream's head says how often one comes.
func TestHeartbeatEvents(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	g := gatewaytest.Start(t, "\tsse {\n\t\tredis "+server.Addr+"\n\t\theartbeat 100ms event\n\t}", `http://{$ADDR} {
	sse_subscribe /event chat {
		cors https://app.example.com
	}
	sse_subscribe /longer chat {
		heartbeat 90s
	}
	sse_subscribe /comment chat {
		heartbeat 200ms comment
	}
	sse_subscribe /off chat {
		heartbeat off
	}
}`)
	url := "http://" + g.Addr
	beat := regexp.MustCompile(`\n\nevent: sse\.heartbeat\ndata: (\d+)\n\n`)
	for name, client := range map[string]*http.Client{"HTTP/1.1": gatewaytest.HTTP1(t), "h2c": gatewaytest.H2C(t)} {
		for path, heartbeat := range map[string]string{"/event": "0.1", "/longer": "90", "/comment": "0.2", "/off": "0"} {
			s := gatewaytest.Subscribe(t, client, url+path)
			if got := s.Header.Get("Sse-Heartbeat"); got != heartbeat {
				t.Errorf("%s: %s has a heartbeat of %q", name, path, got)
			}
			switch path {
			case "/event":
				s.Await("sse.heartbeat")
				redistest.Await(t, "a heartbeat", func() bool { return beat.MatchString(s.Text()) })
				ms, err := strconv.ParseInt(beat.FindStringSubmatch(s.Text())[1], 10, 64)
				if err != nil || time.Since(time.UnixMilli(ms)).Abs() > time.Minute {
					t.Errorf("%s: %d, %v", name, ms, err)
				}
			case "/comment":
				s.Await("\n:\n")
			}
			s.Leave()
		}
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodHead, url+"/event", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Origin", "https://app.example.com")
	r.Header.Set("Accept", "text/event-stream")
	response, err := gatewaytest.HTTP1(t).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if h := response.Header; h.Get("Sse-Heartbeat") != "0.1" || h.Get("Access-Control-Expose-Headers") != "Sse-Heartbeat" {
		t.Errorf("the head is %v", h)
	}
}
