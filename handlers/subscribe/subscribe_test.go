package subscribe_test

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

func TestPayloadsBecomeEvents(t *testing.T) {
	g, server := gatewaytest.StartWithRedis(t, `http://{$ADDR} {
	sse_subscribe /text chat:1
	sse_subscribe /json chat:1 {
		format json
		event from-{sse.channel}
	}
}`)
	text := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), "http://"+g.Addr+"/text")
	json := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), "http://"+g.Addr+"/json")
	big := strings.Repeat("x", 64<<10)
	for _, test := range []struct{ payload, text, json string }{
		{"hello", "data: hello\n\n", "event: from-chat:1\ndata: hello\n\n"},
		{"a\r\nb\rc\nd", "data: a\ndata: b\ndata: c\ndata: d\n\n", "data: d\n\n"},
		{"🦆", "data: 🦆\n\n", "data: 🦆\n\n"},
		{big, "data: " + big + "\n\n", big},
		{
			`{"event":"like","data":{"by": 7},"id":"9","retry":10000}`,
			"data: " + `{"event":"like","data":{"by": 7},"id":"9","retry":10000}` + "\n\n",
			"retry: 10000\nid: 9\nevent: like\ndata: {\"by\":7}\n\n",
		},
	} {
		server.Do("PUBLISH", "chat:1", test.payload)
		text.Await(test.text)
		json.Await(test.json)
	}
}

func TestHead(t *testing.T) {
	g, _ := gatewaytest.StartWithRedis(t, `http://{$ADDR} {
	log
	metrics
	encode
	header X-From-Caddy yes
	sse_subscribe /events chat:1
	respond "the app"
}`)
	s := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), "http://"+g.Addr+"/events", "Accept-Encoding: gzip, zstd, br")
	s.Await("retry: ")
	for name, want := range map[string]string{
		"Content-Type":      "text/event-stream",
		"Cache-Control":     "no-cache, no-transform",
		"X-Accel-Buffering": "no",
		"X-From-Caddy":      "yes",
		"Content-Encoding":  "",
	} {
		if got := s.Header.Get(name); got != want {
			t.Errorf("%s is %q, not %q", name, got, want)
		}
	}
	head, body := gatewaytest.Do(t, http.MethodHead, "http://"+g.Addr+"/events", "")
	if head.StatusCode != 200 || head.Header.Get("Content-Type") != "text/event-stream" || body != "" {
		t.Errorf("HEAD: %s %v %q", head.Status, head.Header, body)
	}
}

// What is not for a subscriber goes on, so that one URL can be both.
func TestOtherRequestsGoOn(t *testing.T) {
	g, _ := gatewaytest.StartWithRedis(t, `http://{$ADDR} {
	sse_subscribe chat:1
	respond "the app"
}`)
	for _, request := range [][2]string{
		{"POST", "text/event-stream"},
		{"GET", "application/json"},
		{"GET", "application/json, text/plain, */*"},
		{"GET", "text/html,application/xhtml+xml,*/*;q=0.8"},
		{"GET", "text/event-stream;q=0"},
		{"GET", "text/event-stream;x;q=0.0"},
		{"GET", "*/*;q=0"},
		{"GET", "application/json;charset, */*"},
		{"GET", "image/*"},
	} {
		if r, body := gatewaytest.Do(t, request[0], "http://"+g.Addr, "", "Accept: "+request[1]); body != "the app" {
			t.Errorf("%s %s: %s %q", request[0], request[1], r.Status, body)
		}
	}
	for _, accept := range []string{
		"text/event-stream", "*/*", "text/*", "application/json, text/event-stream;q=0.1",
		"", " , ", "*", // names nothing
		"text/event-stream;charset", "text/event-stream;q=", "Text/Event-Stream; =utf-8", "text/event-stream;q=1;q=1",
		`*/*;q="`, "text/html;, text/event-stream;x=\"a,b\"",
	} {
		r, _ := gatewaytest.Do(t, "HEAD", "http://"+g.Addr, "", "Accept: "+accept)
		if got := r.Header.Get("Content-Type"); got != "text/event-stream" {
			t.Errorf("%q: %s %q", accept, r.Status, got)
		}
	}
	if r, _ := gatewaytest.Do(t, "HEAD", "http://"+g.Addr, ""); r.Header.Get("Content-Type") != "text/event-stream" {
		t.Error("a request without Accept was not answered")
	}
}

// Where nothing else is at the URL, a request of another method is told so.
func TestGetOnly(t *testing.T) {
	g, _ := gatewaytest.StartWithRedis(t, `http://{$ADDR} {
	sse_subscribe chat:1 {
		get_only
		cors https://app.example.com
	}
	respond "the app"
}`)
	url := "http://" + g.Addr
	for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "PURGE"} {
		r, body := gatewaytest.Do(t, method, url, "", "Accept: text/event-stream", "Origin: https://app.example.com")
		if r.StatusCode != 405 || r.Header.Get("Allow") != "GET, HEAD, OPTIONS" || body != "only GET and HEAD subscribe here\n" {
			t.Errorf("%s: %s %v %q", method, r.Status, r.Header, body)
		}
		if got := r.Header.Get("Sse-Error"); got != "bad_method: only GET and HEAD subscribe here" {
			t.Errorf("%s: Sse-Error %q", method, got)
		}
		if r.Header.Get("Access-Control-Allow-Origin") == "" {
			t.Errorf("%s: the page cannot read it: %v", method, r.Header)
		}
	}
	if r, _ := gatewaytest.Do(t, "POST", url, "", "Origin: https://evil.example.com"); r.StatusCode != 403 {
		t.Errorf("another origin: %s", r.Status)
	}
	preflight := []string{"Origin: https://app.example.com", "Access-Control-Request-Method: "}
	for method, allowed := range map[string]string{"GET": "GET, HEAD", "POST": "", "": ""} {
		r, _ := gatewaytest.Do(t, "OPTIONS", url, "", preflight[0], preflight[1]+method)
		if got := r.Header.Get("Access-Control-Allow-Methods"); r.StatusCode != 204 || got != allowed {
			t.Errorf("OPTIONS for %q: %s %v", method, r.Status, r.Header)
		}
	}
	if r, _ := gatewaytest.Do(t, "OPTIONS", url, ""); r.StatusCode != 204 || r.Header.Get("Allow") != "GET, HEAD, OPTIONS" {
		t.Errorf("OPTIONS: %s %v", r.Status, r.Header)
	}
	if _, body := gatewaytest.Do(t, "GET", url, "", "Accept: application/json"); body != "the app" {
		t.Errorf("JSON: %q", body)
	}
	if r, _ := gatewaytest.Do(t, "HEAD", url, "", "Accept: text/event-stream"); r.StatusCode != 200 {
		t.Errorf("HEAD: %s", r.Status)
	}
}

func TestOpening(t *testing.T) {
	g, _ := gatewaytest.StartWithRedis(t, `http://{$ADDR} {
	sse_subscribe /sse/* member:{path.1} {
		greeting sse "connected as {path.1}"
		retry 10s
	}
	sse_subscribe /plain chat:1 {
		greeting hello
	}
}`)
	retries := make(map[string]bool)
	for range 8 {
		s := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), "http://"+g.Addr+"/sse/7")
		s.Await("event: sse\ndata: connected as 7\n\n")
		retry := regexp.MustCompile(`^retry: (\d+)\n`).FindStringSubmatch(s.Text())
		if retry == nil {
			t.Fatalf("it opens with %q", s.Text())
		}
		if ms, _ := strconv.Atoi(retry[1]); ms < 5000 || ms > 15000 {
			t.Errorf("retry is %d, not within half of 10 s", ms)
		}
		retries[retry[1]] = true
	}
	if len(retries) == 1 {
		t.Error("all subscribers are told to come back at once")
	}
	gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), "http://"+g.Addr+"/plain").Await("\ndata: hello\n\n")
}

func TestHeartbeatAndMaxDuration(t *testing.T) {
	g, _ := gatewaytest.StartWithRedis(t, `http://{$ADDR} {
	sse_subscribe /beats chat:1 {
		heartbeat 100ms
	}
	sse_subscribe /silent chat:1 {
		heartbeat off
	}
	sse_subscribe /short chat:1 {
		max_duration 300ms
	}
}`)
	silent := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), "http://"+g.Addr+"/silent")
	beats := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), "http://"+g.Addr+"/beats")
	began := time.Now()
	short := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), "http://"+g.Addr+"/short")
	if err := short.AwaitEnd(); err != nil {
		t.Errorf("it did not end cleanly: %v", err)
	}
	if took := time.Since(began); took < 270*time.Millisecond {
		t.Errorf("it ended after %s", took)
	}
	redistest.Await(t, "heartbeats", func() bool { return strings.Count(beats.Text(), ":\n") > 3 })
	if strings.Contains(silent.Text(), ":\n") {
		t.Error("there are heartbeats though they are off")
	}
}

func TestManyChannelsOnOneSubscription(t *testing.T) {
	g, server := gatewaytest.StartWithRedis(t, `http://{$ADDR} {
	sse_subscribe /events/* shared member:{path.1} {
		channel a b
		channel c shared:{path.1} {path.2}
	}
}`)
	s := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), "http://"+g.Addr+"/events/7/shared")
	for _, channel := range []string{"shared", "member:7", "a", "b", "c", "shared:7"} {
		server.Do("PUBLISH", channel, "via "+channel)
		s.Await("data: via " + channel + "\n\n")
	}
	server.Do("PUBLISH", "member:8", "not for us")
	server.Do("PUBLISH", "shared", "last")
	s.Await("last")
	if strings.Contains(s.Text(), "not for us") || strings.Count(s.Text(), "via shared\n") != 1 {
		t.Errorf("got %q", s.Text())
	}
}

func TestBadChannelNames(t *testing.T) {
	g, _ := gatewaytest.StartWithRedis(t, `http://{$ADDR} {
	sse_subscribe /channel/* {http.request.uri.path.1}
	sse_subscribe /user user:{http.request.header.X-User}
	sse_subscribe /auth user:{http.auth.user.id}
	handle_errors {
		respond "{err.message}"
	}
}`)
	for path, rule := range map[string]string{
		"/channel/":                            "has no value",
		"/channel/a%20b":                       "spaces or control characters",
		"/channel/a%0ab":                       "spaces or control characters",
		"/channel/a%c2%a0b":                    "spaces or control characters",
		"/channel/a%7f":                        "spaces or control characters",
		"/channel/%ff":                         "UTF-8",
		"/channel/" + strings.Repeat("x", 257): "longer than 256 bytes",
		"/user":                                "has no value",
		"/auth":                                "has no value",
	} {
		r, body := gatewaytest.Do(t, "GET", "http://"+g.Addr+path, "")
		if r.StatusCode != 400 || !strings.Contains(body, rule) || !strings.Contains(r.Header.Get("Sse-Error"), rule) {
			t.Errorf("%.40s: %s, %q, %q", path, r.Status, body, r.Header.Get("Sse-Error"))
		}
	}
	for _, path := range []string{"/channel/*", "/channel/" + strings.Repeat("x", 256), "/channel/%e2%82%ac"} {
		if r, _ := gatewaytest.Do(t, "HEAD", "http://"+g.Addr+path, ""); r.StatusCode != 200 {
			t.Errorf("%.40s: %s", path, r.Status)
		}
	}
}
