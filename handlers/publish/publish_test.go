package publish_test

import (
	"strings"
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

const publishSite = `http://{$ADDR} {
	sse_subscribe /events/* {path.1}
	sse_subscribe /named/* {path.1} {
		format json
	}
	sse_publish /say/* {path.1}
	sse_publish /message/send sse-channel {
		data {query.message}
	}
	sse_publish /named/* {path.1} {
		event note
	}
	sse_publish /envelope/* {path.1} {
		event note
		format json
	}
	sse_publish /small/* {path.1} {
		max_size 8
	}
	sse_publish /query/* {path.1} {
		data {query.message}
		max_size 8
	}
	respond "the app"
}`

func TestPublish(t *testing.T) {
	g, _ := gatewaytest.StartWithRedis(t, publishSite)
	url := "http://" + g.Addr
	s := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), url+"/events/chat:42")
	for _, method := range []string{"POST", "PUT"} {
		r, body := gatewaytest.Do(t, method, url+"/say/chat:42", "via "+method)
		if r.StatusCode != 200 || body != `{"channel":"chat:42","receivers":1}`+"\n" || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %s %q", method, r.Status, body)
		}
		s.Await("data: via " + method + "\n\n")
	}
	if _, body := gatewaytest.Do(t, "POST", url+"/say/nobody", "hi"); body != `{"channel":"nobody","receivers":0}`+"\n" {
		t.Errorf("nobody listens: %q", body)
	}
	if _, body := gatewaytest.Do(t, "GET", url+"/say/chat:42", ""); body != "the app" {
		t.Errorf("GET: %q", body)
	}
}

func TestPublishDataFromTheQuery(t *testing.T) {
	g, _ := gatewaytest.StartWithRedis(t, publishSite)
	s := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), "http://"+g.Addr+"/events/sse-channel")
	gatewaytest.Do(t, "POST", "http://"+g.Addr+"/message/send?message=hi%20there", "")
	s.Await("data: hi there\n\n")
}

func TestPublishNamedEvents(t *testing.T) {
	g, _ := gatewaytest.StartWithRedis(t, publishSite)
	url := "http://" + g.Addr
	s := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), url+"/named/chat:1")
	gatewaytest.Do(t, "POST", url+"/named/chat:1", `"quoted" <b>`)
	s.Await("event: note\ndata: \"quoted\" <b>\n\n")
	gatewaytest.Do(t, "POST", url+"/envelope/chat:1", `{"data":[1],"id":7}`)
	s.Await("id: 7\nevent: note\ndata: [1]\n\n")
	gatewaytest.Do(t, "POST", url+"/envelope/chat:1", `{"event":"own","data":2}`)
	s.Await("event: own\ndata: 2\n\n")
}

func TestPublishRefuses(t *testing.T) {
	g, server := gatewaytest.StartWithRedis(t, publishSite)
	url := "http://" + g.Addr
	for _, test := range []struct {
		path, body, rule string
		status           int
	}{
		{"/say/a", "", "empty", 400},
		{"/message/send", "x", "empty", 400},
		{"/say/a%20b", "hi", "spaces", 400},
		{"/say/", "hi", "has no value", 400},
		{"/say/a", strings.Repeat("x", 64<<10+1), "larger than 65536 bytes", 413},
		{"/small/a", "123456789", "larger than 8 bytes", 413},
		{"/query/a?message=123456789", "", "larger than 8 bytes", 413},
		{"/envelope/a", "hi", "JSON object", 400},
		{"/envelope/a", `{"event":"x"}`, `needs "data"`, 400},
	} {
		r, _ := gatewaytest.Do(t, "POST", url+test.path, test.body)
		if r.StatusCode != test.status || !strings.Contains(r.Header.Get("Sse-Error"), test.rule) {
			t.Errorf("%.20s %.20q: %s, %q", test.path, test.body, r.Status, r.Header.Get("Sse-Error"))
		}
	}
	if r, _ := gatewaytest.Do(t, "POST", url+"/small/a", "12345678"); r.StatusCode != 200 {
		t.Errorf("exactly the largest size: %s", r.Status)
	}
	if r, _ := gatewaytest.Do(t, "POST", url+"/say/a", strings.Repeat("x", 64<<10)); r.StatusCode != 200 {
		t.Errorf("64 KiB: %s", r.Status)
	}
	server.Kill()
	r, _ := gatewaytest.Do(t, "POST", url+"/say/a", "hi")
	if r.StatusCode != 503 || r.Header.Get("Retry-After") == "" {
		t.Errorf("without Redis: %s %v", r.Status, r.Header)
	}
	server.Restart()
	redistest.Await(t, "publishing again", func() bool {
		r, _ := gatewaytest.Do(t, "POST", url+"/say/a", "hi")
		return r.StatusCode == 200
	})
}

// handle_errors shapes what goes wrong, as with any other handler.
func TestPublishErrorsAreCaddys(t *testing.T) {
	g, _ := gatewaytest.StartWithRedis(t, `http://{$ADDR} {
	sse_publish /say chat:1
	handle_errors {
		respond "shaped: {err.message}"
	}
}`)
	if r, body := gatewaytest.Do(t, "POST", "http://"+g.Addr+"/say", ""); r.StatusCode != 400 || !strings.HasPrefix(body, "shaped: there is nothing") {
		t.Errorf("%s %q", r.Status, body)
	}
}
