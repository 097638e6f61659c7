package subscribe_test

import (
	"strings"
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

func TestCORS(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	g := gatewaytest.Start(t, gatewaytest.RedisOption(server), `http://{$ADDR} {
	sse_subscribe /with c {
		cors https://app.example.com {env.SSE_TEST_ORIGIN}
	}
	sse_subscribe /all c {
		cors *
	}
	sse_subscribe /without c
	respond "the app"
}`, "SSE_TEST_ORIGIN=http://localhost:5173")
	for _, test := range []struct {
		path, origin           string
		status                 int
		allowed, credentials   string
		preflight, preflightOK string // status, and origin allowed
	}{
		{"/with", "https://app.example.com", 200, "https://app.example.com", "true", "204", "https://app.example.com"},
		{"/with", "http://localhost:5173", 200, "http://localhost:5173", "true", "204", "http://localhost:5173"},
		{"/with", "https://evil.example.com", 403, "", "", "204", ""},
		{"/with", "https://app.example.com.evil.com", 403, "", "", "204", ""},
		{"/with", "null", 403, "", "", "204", ""},
		{"/with", "http://" + g.Addr, 200, "", "", "204", ""},
		{"/with", "", 200, "", "", "204", ""},
		{"/all", "https://anybody.example.com", 200, "*", "", "204", "*"},
		{"/without", "https://app.example.com", 200, "", "", "200", ""},
	} {
		header := []string{"Accept: text/event-stream"}
		if test.origin != "" {
			header = append(header, "Origin: "+test.origin)
		}
		r, _ := gatewaytest.Do(t, "HEAD", "http://"+g.Addr+test.path, "", header...)
		if h := r.Header; r.StatusCode != test.status || h.Get("Access-Control-Allow-Origin") != test.allowed || h.Get("Access-Control-Allow-Credentials") != test.credentials {
			t.Errorf("%s from %q: %s %v", test.path, test.origin, r.Status, h)
		}
		if test.path != "/without" && !strings.Contains(strings.Join(r.Header.Values("Vary"), ","), "Origin") {
			t.Errorf("%s does not vary by origin: %v", test.path, r.Header)
		}
		p, body := gatewaytest.Do(t, "OPTIONS", "http://"+g.Addr+test.path, "",
			append(header, "Access-Control-Request-Method: GET", "Access-Control-Request-Headers: last-event-id")...)
		if p.Header.Get("Access-Control-Allow-Origin") != test.preflightOK || !strings.HasPrefix(p.Status, test.preflight) || (body == "the app") != (test.path == "/without") {
			t.Errorf("preflight of %s from %q: %s %v", test.path, test.origin, p.Status, p.Header)
		}
		if test.preflightOK != "" && p.Header.Get("Access-Control-Allow-Headers") != "last-event-id" {
			t.Errorf("preflight of %s from %q: %v", test.path, test.origin, p.Header)
		}
	}
	if _, body := gatewaytest.Do(t, "OPTIONS", "http://"+g.Addr+"/with", "", "Origin: https://app.example.com", "Access-Control-Request-Method: POST"); body != "the app" {
		t.Error("a preflight of a POST did not go on to the app")
	}
}
