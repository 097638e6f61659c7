package relay_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// The client that asked gets the events with IDs, under which they are in the history,
// between a start and an end; who comes later gets the same.
func TestRelay(t *testing.T) {
	app := newApp(t)
	g, server := gatewaytest.StartWithRedis(t, app.sites("resume /runs/{path.1}"))
	asked := make(chan *gatewaytest.Stream)
	go func() { asked <- ask(t, g, "/ask/c1") }()
	c := app.call()
	if c.body != `{"id":"c7"}` || c.r.Method != "POST" {
		t.Errorf("the app got %s %q", c.r.Method, c.body)
	}
	c.begin()
	s := await(t, asked)
	for name, want := range map[string]string{"Content-Type": "text/event-stream", "X-App": "yes", "Sse-Channel": "c1", "Location": "/runs/c1"} {
		if got := s.Header.Get(name); got != want {
			t.Errorf("%s is %q, not %q", name, got, want)
		}
	}
	c.event("one")
	s.Await("data: one\n\n")
	c.say(": hello\nevent: sse.end\ndata: x\n\nid: u2\nevent: t\ndata: a\ndata: b\n\n")
	s.Await("event: t\ndata: a\ndata: b\n\n")
	reader := resume(t, g, "c1")
	reader.Await("event: t\ndata: a\ndata: b\n\n")
	c.event("three")
	c.end()
	if err := s.AwaitEnd(); err != nil {
		t.Errorf("the answer ended with %v", err)
	}
	if err := reader.AwaitEnd(); err != nil {
		t.Errorf("the reader's ended with %v", err)
	}
	if asked, read := events(s), events(reader); asked != read || asked != "data: one\n\nevent: t\ndata: a\ndata: b\n\ndata: three\n\n" {
		t.Errorf("the client got %q, the reader %q", asked, read)
	}
	if asked, read := s.IDs(), reader.IDs(); len(asked) != 5 || !slices.Equal(asked[1:], read) {
		t.Errorf("the client has the IDs %q, the reader %q", asked, read)
	}
	entries := fmt.Sprint(server.Do("XRANGE", "c1", "-", "+"))
	for _, want := range []string{"[event sse.start run " + s.Header.Get("Sse-Run") + "]", "[data a\nb event t uid u2]", "[event sse.end reason done]"} {
		if !strings.Contains(entries, want) {
			t.Errorf("there is no %s in %s", want, entries)
		}
	}
	if ttl := server.Do("PTTL", "c1").(int64); ttl <= 0 {
		t.Errorf("the history has the expiry %d", ttl)
	}
	if lease := server.Do("EXISTS", "sse.relay.{c1}"); lease != int64(0) {
		t.Errorf("the lease is there yet: %v", lease)
	}
	if late := resume(t, g, "c1", "Last-Event-ID: "+s.NewestID()); late.StatusCode != http.StatusNoContent {
		t.Errorf("who has all got %s", late.Status)
	}
	g.AwaitMetric(`relay_answers_total{result="done"}`, 1)
	g.AwaitMetric("relay_runs", 0)
}

// The app is read to its end though its client has left.
func TestClientLeaves(t *testing.T) {
	app := newApp(t)
	g, _ := gatewaytest.StartWithRedis(t, app.sites(""))
	asked := make(chan *gatewaytest.Stream)
	go func() { asked <- ask(t, g, "/ask/c1") }()
	c := app.call().begin()
	s := await(t, asked)
	c.event("one")
	s.Await("data: one\n\n")
	s.Leave()
	g.AwaitMetric(`subscribers_closed_total{reason="left"}`, 1)
	reader := resume(t, g, "c1")
	reader.Await("data: one\n\n")
	c.event("two")
	c.end()
	if err := reader.AwaitEnd(); err != nil || events(reader) != "data: one\n\ndata: two\n\n" {
		t.Errorf("the reader got %q, %v", events(reader), err)
	}
}

// A client that leaves before the answer begins ends the request.
func TestClientLeavesEarly(t *testing.T) {
	app := newApp(t)
	g, server := gatewaytest.StartWithRedis(t, app.sites(""))
	leave := leaving(t, "http://"+g.Addr+"/ask/c1")
	c := app.call()
	leave()
	c.awaitGone()
	redistest.Await(t, "the lease to be given back", func() bool { return server.Do("EXISTS", "sse.relay.{c1}") == int64(0) })
	c.end()
}

// With from request it does not.
func TestFromRequest(t *testing.T) {
	app := newApp(t)
	g, server := gatewaytest.StartWithRedis(t, app.sites("from request"))
	leave := leaving(t, "http://"+g.Addr+"/ask/c1")
	c := app.call()
	leave()
	c.begin()
	c.event("one")
	c.end()
	redistest.Await(t, "the run", func() bool { return server.Do("XLEN", "c1") == int64(3) })
}

// leaving asks for something, and returns what ends the request.
func leaving(t *testing.T, url string) (leave func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	request, err := http.NewRequestWithContext(ctx, "POST", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	client, done := gatewaytest.HTTP1(t), make(chan struct{})
	go func() {
		defer close(done)
		if response, err := client.Do(request); err == nil {
			response.Body.Close()
			t.Error("there was an answer")
		}
	}()
	return func() {
		cancel()
		<-done
	}
}

// What is no event stream goes to the client as it is.
func TestPasses(t *testing.T) {
	app := newApp(t)
	g, server := gatewaytest.StartWithRedis(t, app.sites(""))
	for _, test := range []struct {
		status            int
		contentType, body string
	}{
		{200, "application/json", `{"a":1}`},
		{201, "text/event-stream", "data: x\n\n"},
		{500, "text/plain", "broken"},
		{204, "", ""},
	} {
		answers := make(chan *http.Response)
		bodies := make(chan string, 1)
		go func() {
			response, body := gatewaytest.Do(t, "POST", "http://"+g.Addr+"/ask/c1", "hello")
			bodies <- body
			answers <- response
		}()
		c := app.call()
		c.then(func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", test.contentType)
			w.Header().Set("X-App", "yes")
			w.WriteHeader(test.status)
			_, _ = io.WriteString(w, test.body)
		})
		c.end()
		body, response := <-bodies, <-answers
		if response.StatusCode != test.status || body != test.body || response.Header.Get("X-App") != "yes" || response.ContentLength != int64(len(test.body)) {
			t.Errorf("%d %s: got %s, %q, %v", test.status, test.body, response.Status, body, response.Header)
		}
	}
	redistest.Await(t, "the lease to be given back", func() bool { return server.Do("EXISTS", "sse.relay.{c1}", "c1") == int64(0) })
	g.AwaitMetric(`relay_answers_total{result="passed"}`, 4)
}
