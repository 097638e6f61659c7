package subscribe_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// newNamer is an app that answers with the header fields and the body that the query has.
func newNamer(t *testing.T) *httptest.Server {
	t.Helper()
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		for _, line := range query["h"] {
			name, value, _ := strings.Cut(line, ":")
			w.Header().Add(name, value)
		}
		if query.Has("large") {
			_, _ = io.WriteString(w, strings.Repeat("data: x\n\n", 10_000))
		}
		if query.Has("status") {
			status := 0
			fmt.Sscan(query.Get("status"), &status)
			w.WriteHeader(status)
		}
		_, _ = io.WriteString(w, query.Get("body"))
		if query.Has("break") {
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
	}))
	t.Cleanup(app.Close)
	return app
}

// The app's answer opens the subscription: to the channels that it names, with its
// header, and with its body as the first events.
func TestSubscribeFromResponse(t *testing.T) {
	app := newNamer(t)
	g, server := gatewaytest.StartWithRedis(t, `http://{$ADDR} {
	sse_subscribe /events {
		from_response
		allow chat:* user:7
	}
	sse_subscribe /past {
		from_response
		allow *
		history last 10
	}
	reverse_proxy `+app.Listener.Addr().String()+`
}`)
	url := "http://" + g.Addr
	s := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), url+"/events?h=Sse-Channels:chat:1,+user:7&h=Sse-Channels:chat:2&h=X-App:yes&h=Sse-Member:ann&h=Content-Type:text/event-stream&body=data:+first")
	s.Await("data: first\n\n")
	for name, want := range map[string]string{"X-App": "yes", "Content-Type": "text/event-stream", "Sse-Channels": "", "Sse-Member": ""} {
		if got := s.Header.Get(name); got != want {
			t.Errorf("%s is %q", name, got)
		}
	}
	for _, channel := range []string{"chat:1", "user:7", "chat:2"} {
		server.Do("PUBLISH", channel, channel)
		s.Await("data: " + channel + "\n\n")
	}
	redistest.Await(t, "the member", func() bool { return server.Do("EXISTS", "sse.presence.in:chat:1") == int64(1) })

	server.Add("kept", "*", "one")
	past := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), url+"/past?h=Sse-Channels:kept&status=204")
	past.Await("data: one\n\n")

	// A body of another type is none of the subscription's.
	other := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), url+"/events?h=Sse-Channels:chat:9&h=Content-Type:application/json&body={}&h=Sse-Until:2100-01-01T00:00:00Z")
	server.Do("PUBLISH", "chat:9", "nine")
	other.Await("data: nine\n\n")
	if strings.Contains(other.Text(), "{}") {
		t.Errorf("got %q", other.Text())
	}
	if gone := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), url+"/events?h=Sse-Channels:chat:9&h=Sse-Until:1"); gone.AwaitEnd() != nil || !strings.Contains(gone.Text(), `"reason":"expired"`) {
		t.Errorf("who comes too late got %q", gone.Text())
	}
}

// What does not open one goes to the client as it is, and what is wrong with one is 502.
func TestNothingFromResponse(t *testing.T) {
	app := newNamer(t)
	g, _ := gatewaytest.StartWithRedis(t, `http://{$ADDR} {
	sse_subscribe /events {
		from_response
		allow chat:*
	}
	reverse_proxy `+app.Listener.Addr().String()+`
}`)
	url := "http://" + g.Addr + "/events"
	for _, test := range []struct {
		query, accept string
		status        int
		body          string
	}{
		{"?body=hello&h=X-App:yes", "text/event-stream", 200, "hello"},
		{"?status=403&body=no&h=Sse-Channels:chat:1&h=X-App:yes", "text/event-stream", 403, "no"},
		{"?status=503&body=later&h=X-App:yes", "text/event-stream", 503, "later"},
		{"?h=Sse-Channels:chat:1&body=json&h=X-App:yes", "application/json", 200, "json"},
	} {
		response, body := gatewaytest.Do(t, "GET", url+test.query, "", "Accept: "+test.accept)
		if response.StatusCode != test.status || body != test.body || response.Header.Get("X-App") != "yes" {
			t.Errorf("%s: got %s, %q, %v", test.query, response.Status, body, response.Header)
		}
	}
	for _, query := range []string{
		"?h=Sse-Channels:chat:1,user:7",          // not allowed
		"?h=Sse-Channels:chat:1,sse.relay.stop",  // no channel
		"?h=Sse-Channels:,",                      // none
		"?h=Sse-Channels:chat:1&h=Sse-Until:bad", // no time
		"?h=Sse-Channels:chat:1&h=Sse-Member:" + strings.Repeat("x", 129),
		"?h=Sse-Channels:chat:1&h=Content-Type:text/event-stream&large",
		"?h=Sse-Channels:chat:1&h=Content-Type:text/event-stream&body=x&break",
		"?h=Sse-Channels:chat:1&h=Content-Type:text/event-stream&h=Content-Encoding:gzip&body=x",
		"?h=Sse-Channels:" + strings.Repeat("chat:1x,", 3) + manyChannels(33), // too many
	} {
		response, body := gatewaytest.Do(t, "GET", url+query+"&h=X-App:yes", "", "Accept: text/event-stream")
		if response.StatusCode != 502 || !strings.HasPrefix(response.Header.Get("Sse-Error"), "bad_answer: ") || response.Header.Get("X-App") != "" {
			t.Errorf("%s: got %s, %q, %v", query, response.Status, body, response.Header)
		}
	}
	app.Close()
	if s := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), url); s.AwaitEnd() != nil || !strings.Contains(s.Text(), `"reason":"gate"`) {
		t.Errorf("while the app is away: %s, %q", s.Status, s.Text())
	}
}

// manyChannels are the names of so many channels.
func manyChannels(n int) string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprint("chat:", i)
	}
	return strings.Join(names, ",")
}
