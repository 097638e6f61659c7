package relay_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// Who asks for a run that is on gets it from its beginning, at whatever gateway, and the app
// is not asked again.
func TestJoin(t *testing.T) {
	t.Parallel()
	app, server := newApp(t), redistest.Start(t)
	g := gatewaytest.Start(t, gatewaytest.RedisOption(server), app.sites(""))
	other := gatewaytest.Start(t, gatewaytest.RedisOption(server), app.sites("conflict refuse"))
	first, second := make(chan *gatewaytest.Stream), make(chan *gatewaytest.Stream)
	go func() { first <- ask(t, g, "/ask/c1") }()
	c := app.call()
	go func() { second <- ask(t, g, "/ask/c1") }()
	refused := ask(t, other, "/ask/c1")
	if refused.StatusCode != http.StatusConflict || !strings.HasPrefix(refused.Header.Get("Sse-Error"), "conflict: ") {
		t.Errorf("with conflict refuse, the second got %s, %q", refused.Status, refused.Header.Get("Sse-Error"))
	}
	c.begin()
	c.event("one")
	for _, s := range []*gatewaytest.Stream{await(t, first), await(t, second)} {
		s.Await("data: one\n\n")
		defer func() {
			if err := s.AwaitEnd(); err != nil || events(s) != "data: one\n\ndata: two\n\n" {
				t.Errorf("got %q, %v", events(s), err)
			}
		}()
	}
	c.event("two")
	c.end()
	g.AwaitMetric(`relay_answers_total{result="joined"}`, 1)
	g.AwaitMetric(`relay_answers_total{result="done"}`, 1)
}

// One that was asked for and never becomes a run is not waited for: the next asks the app
// itself.
func TestJoinNothing(t *testing.T) {
	app := newApp(t)
	g, _ := gatewaytest.StartWithRedis(t, app.sites(""))
	leave := leaving(t, "http://"+g.Addr+"/ask/c1")
	c := app.call()
	second := make(chan *gatewaytest.Stream)
	go func() { second <- ask(t, g, "/ask/c1") }()
	leave()
	c.end()
	c = app.call().begin()
	c.event("one")
	s := await(t, second)
	c.end()
	if err := s.AwaitEnd(); err != nil || events(s) != "data: one\n\n" {
		t.Errorf("got %q, %v", events(s), err)
	}
}

// An EventSource that comes back to a GET gets the rest of its run, and then 204; one that
// comes for the first time asks the app.
func TestComeBack(t *testing.T) {
	app := newApp(t)
	g, _ := gatewaytest.StartWithRedis(t, app.sites(""))
	url := "http://" + g.Addr + "/ask/c1"
	asked := make(chan *gatewaytest.Stream)
	get := func(header ...string) { asked <- gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), url, header...) }
	go get()
	c := app.call().begin()
	s := await(t, asked)
	c.event("one")
	s.Await("data: one\n\n")
	s.Leave()
	c.event("two")
	go get("Last-Event-ID: " + s.NewestID())
	back := await(t, asked)
	back.Await("data: two\n\n")
	c.end()
	if err := back.AwaitEnd(); err != nil || events(back) != "data: two\n\n" {
		t.Errorf("who came back got %q, %v", events(back), err)
	}
	go get("Last-Event-ID: " + back.NewestID())
	if s := await(t, asked); s.StatusCode != http.StatusNoContent {
		t.Errorf("who has the end got %s", s.Status)
	}
	go get()
	c = app.call().begin()
	if s := await(t, asked); s.Header.Get("Sse-Run") == "" {
		t.Error("a new run has no token")
	}
	c.end()
}

// The channel may be named by the request's JSON, and a resume URL with it.
func TestNamedByBody(t *testing.T) {
	app := newApp(t)
	g, server := gatewaytest.StartWithRedis(t, strings.Replace(app.sites("max_body 20B\nresume /chat/{sse.request.json.id}/stream"), "/ask/* {path.1}", "/ask/* chat:{sse.request.json.id}", 1))
	url := "http://" + g.Addr + "/ask"
	for body, status := range map[string]int{`{"id":""}`: 400, `{}`: 400, `no JSON`: 400, ``: 400, `{"id":"` + strings.Repeat("x", 20): 413} {
		if response, _ := gatewaytest.Do(t, "POST", url+"/x", body); response.StatusCode != status || response.Header.Get("Sse-Error") == "" {
			t.Errorf("%s: got %s", body, response.Status)
		}
	}
	g.AwaitMetric(`relay_answers_total{result="bad"}`, 5)
	asked := make(chan *gatewaytest.Stream)
	go func() { asked <- gatewaytest.Ask(t, gatewaytest.HTTP1(t), "POST", url+"/x", `{"id":"a/b?c"}`) }()
	c := app.call().begin()
	s := await(t, asked)
	if channel, location := s.Header.Get("Sse-Channel"), s.Header.Get("Location"); channel != "chat:a/b?c" || location != "/chat/a%2Fb%3Fc/stream" {
		t.Errorf("it is told of the channel %q, and %q", channel, location)
	}
	if c.body != `{"id":"a/b?c"}` || server.Do("XLEN", "chat:a/b?c") != int64(1) {
		t.Errorf("the app got %q, and the channel has %v entries", c.body, server.Do("XLEN", "chat:a/b?c"))
	}
	c.end()
}

// While Redis is away, the answer goes by as if there were no relay.
func TestOff(t *testing.T) {
	app := newApp(t)
	g, server := gatewaytest.StartWithRedis(t, app.sites(""))
	server.Kill()
	asked := make(chan *gatewaytest.Stream)
	go func() { asked <- ask(t, g, "/ask/c1") }()
	c := app.call().begin()
	s := await(t, asked)
	if c.body != `{"id":"c7"}` || s.Header.Get("Sse-Relay") != "off" || !strings.HasPrefix(s.Header.Get("Sse-Error"), "unavailable: redis") {
		t.Errorf("the app got %q, the client %v", c.body, s.Header)
	}
	c.say(": hello\n\n")
	c.end()
	if err := s.AwaitEnd(); err != nil || s.Text() != ": hello\n\n" {
		t.Errorf("got %q, %v", s.Text(), err)
	}
	g.AwaitMetric(`relay_answers_total{result="off"}`, 1)
}
