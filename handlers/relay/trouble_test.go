package relay_test

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// begun is a run of the channel that has begun, and its client.
func begun(t *testing.T, a *app, g *gatewaytest.Gateway, channel string) (*call, *gatewaytest.Stream) {
	t.Helper()
	asked := make(chan *gatewaytest.Stream)
	go func() { asked <- ask(t, g, "/ask/"+channel) }()
	c := a.call().begin()
	return c, await(t, asked)
}

// awaitEntries waits until the channel has so many entries.
func awaitEntries(t *testing.T, server *redistest.Server, channel string, n int) {
	t.Helper()
	redistest.Await(t, fmt.Sprint(n, " entries"), func() bool { return server.Do("XLEN", channel) == int64(n) })
}

// Redis forgets everything in the middle of a run: its client and its readers notice
// nothing, and who comes later is told that the beginning is missing.
func TestRedisForgets(t *testing.T) {
	app := newApp(t)
	g, server := gatewaytest.StartWithRedis(t, app.sites(""))
	c, s := begun(t, app, g, "c1")
	c.event("one")
	awaitEntries(t, server, "c1", 2)
	server.Do("FLUSHALL")
	c.event("two")
	awaitEntries(t, server, "c1", 2) // the gap, and this
	reader := resume(t, g, "c1")
	reader.Await("data: two\n\n")
	c.end()
	if err := s.AwaitEnd(); err != nil || events(s) != "data: one\n\ndata: two\n\n" {
		t.Errorf("the client got %q, %v", events(s), err)
	}
	if err := reader.AwaitEnd(); err != nil || strings.Count(reader.Text(), "event: sse.gap\n") != 1 || !strings.Contains(reader.Text(), `"reason":"reset"`) {
		t.Errorf("the reader got %q, %v", reader.Text(), err)
	}
}

// The app writes to the channel itself, so that the IDs of the run are too small.
func TestAppWritesItself(t *testing.T) {
	app := newApp(t)
	g, server := gatewaytest.StartWithRedis(t, app.sites(""))
	c, s := begun(t, app, g, "c1")
	c.event("one")
	awaitEntries(t, server, "c1", 2)
	server.Add("c1", "*", "own")
	c.event("two")
	awaitEntries(t, server, "c1", 4)
	c.event("three")
	c.end()
	if err := s.AwaitEnd(); err != nil || events(s) != "data: one\n\ndata: two\n\ndata: three\n\n" {
		t.Errorf("the client got %q, %v", events(s), err)
	}
	awaitEntries(t, server, "c1", 6)
	reader := resume(t, g, "c1")
	if err := reader.AwaitEnd(); err != nil || events(reader) != "data: one\n\ndata: own\n\ndata: two\n\ndata: three\n\n" {
		t.Errorf("the reader got %q, %v", events(reader), err)
	}
}

// A key of another type in the channel's place: the answer goes by. If it comes there in
// the middle, the client gets all of it.
func TestWrongType(t *testing.T) {
	app := newApp(t)
	g, server := gatewaytest.StartWithRedis(t, app.sites(""))
	server.Do("SET", "c0", "x")
	c, s := begun(t, app, g, "c0")
	if s.Header.Get("Sse-Relay") != "off" || !strings.HasPrefix(s.Header.Get("Sse-Error"), "misconfigured: ") {
		t.Errorf("the client is told %v", s.Header)
	}
	c.end()
	c, s = begun(t, app, g, "c1")
	server.Do("SET", "c1", "x")
	c.event("one")
	s.Await("data: one\n\n")
	c.end()
	if err := s.AwaitEnd(); err != nil {
		t.Errorf("the answer ended with %v", err)
	}
	g.AwaitMetric("relay_runs", 0)
}

// Redis freezes in the middle of a run: its client waits for nothing, and all is stored
// once, in order, when it is back.
func TestRedisFreezes(t *testing.T) {
	app := newApp(t)
	g, server := gatewaytest.StartWithRedis(t, app.sites(""))
	c, s := begun(t, app, g, "c1")
	c.event(0)
	awaitEntries(t, server, "c1", 2)
	server.Freeze()
	want := "data: 0\n\n"
	for n := range 100 {
		c.event(n + 1)
		want += fmt.Sprintf("data: %d\n\n", n+1)
	}
	s.Await("data: 100\n\n") // while Redis says nothing
	server.Thaw()
	c.end()
	if err := s.AwaitEnd(); err != nil || events(s) != want {
		t.Errorf("the client got %q, %v", events(s), err)
	}
	awaitEntries(t, server, "c1", 103)
	if reader := resume(t, g, "c1"); reader.AwaitEnd() != nil || events(reader) != want {
		t.Errorf("the reader got %q", events(reader))
	}
}

// A gateway that froze until another has ended its run stores nothing of it any more, and
// breaks its client off.
func TestGatewayFreezes(t *testing.T) {
	t.Parallel()
	app, server := newApp(t), redistest.Start(t)
	g := gatewaytest.Start(t, gatewaytest.RedisOption(server), app.sites(""))
	other := gatewaytest.Start(t, gatewaytest.RedisOption(server), app.sites(""))
	c, s := begun(t, app, g, "c1")
	c.event("one")
	reader := resume(t, other, "c1")
	reader.Await("data: one\n\n")
	g.Signal(syscall.SIGSTOP)
	c.event("two")
	if err := reader.AwaitEnd(); err == nil {
		t.Error("the reader's ended cleanly")
	}
	g.Signal(syscall.SIGCONT)
	if err := s.AwaitEnd(); err == nil {
		t.Error("the answer ended cleanly")
	}
	c.awaitGone()
	if n := server.Do("XLEN", "c1"); n != int64(3) {
		t.Errorf("there are %v entries", n)
	}
}

// Of two gateways that are asked at once, one asks the app, and both answer.
func TestRace(t *testing.T) {
	t.Parallel()
	app, server := newApp(t), redistest.Start(t)
	g := gatewaytest.Start(t, gatewaytest.RedisOption(server), app.sites(""))
	other := gatewaytest.Start(t, gatewaytest.RedisOption(server), app.sites(""))
	for round := range 10 {
		path := fmt.Sprintf("/ask/c%d", round)
		asked := make(chan *gatewaytest.Stream)
		for _, g := range []*gatewaytest.Gateway{g, other} {
			go func() { asked <- ask(t, g, path) }()
		}
		c := app.call().begin()
		c.event("one")
		both := []*gatewaytest.Stream{await(t, asked), await(t, asked)}
		c.end()
		for _, s := range both {
			if err := s.AwaitEnd(); err != nil || events(s) != "data: one\n\n" {
				t.Errorf("got %q, %v", s.Text(), err)
			}
		}
	}
	select {
	case <-app.calls:
		t.Error("the app was asked twice")
	default:
	}
}

// Who waits for a run that begins and ends before it looks again gets that run.
func TestRunIsOverSoon(t *testing.T) {
	t.Parallel()
	app, server := newApp(t), redistest.Start(t)
	g := gatewaytest.Start(t, gatewaytest.RedisOption(server), app.sites(""))
	other := gatewaytest.Start(t, gatewaytest.RedisOption(server), app.sites(""))
	asked := make(chan *gatewaytest.Stream)
	go func() { asked <- ask(t, g, "/ask/c1") }()
	c := app.call()
	looks := func() (n int) {
		for line := range strings.Lines(server.Do("INFO", "commandstats").(string)) {
			if _, err := fmt.Sscanf(line, "cmdstat_evalsha:calls=%d,", &n); err == nil {
				return n
			}
		}
		return 0
	}
	before := looks()
	go func() { asked <- ask(t, other, "/ask/c1") }()
	redistest.Await(t, "the other to wait", func() bool { return looks() >= before+4 })
	c.begin()
	c.event("one")
	c.end()
	for range 2 {
		s := await(t, asked)
		if err := s.AwaitEnd(); err != nil || events(s) != "data: one\n\n" {
			t.Errorf("got %q, %v", s.Text(), err)
		}
	}
}

// An event stream that the app compresses goes to the client as it is.
func TestCompressed(t *testing.T) {
	app := newApp(t)
	g, server := gatewaytest.StartWithRedis(t, app.sites(""))
	asked := make(chan *gatewaytest.Stream)
	go func() { asked <- ask(t, g, "/ask/c1", "Accept-Encoding: gzip") }()
	c := app.call()
	if got := c.r.Header.Get("Accept-Encoding"); got != "identity" {
		t.Errorf("the app is asked for %q", got)
	}
	c.then(func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		_, _ = io.WriteString(z, "data: one\n\n")
		_ = z.Close()
	})
	c.end()
	s := await(t, asked)
	if err := s.AwaitEnd(); err != nil {
		t.Error(err)
	}
	z, err := gzip.NewReader(strings.NewReader(s.Text()))
	if err != nil {
		t.Fatal(err)
	}
	if text, _ := io.ReadAll(z); string(text) != "data: one\n\n" || !strings.HasPrefix(s.Header.Get("Sse-Error"), "bad_answer: ") {
		t.Errorf("got %q, %v", text, s.Header)
	}
	redistest.Await(t, "the lease to be given back", func() bool { return server.Do("EXISTS", "sse.relay.{c1}", "c1") == int64(0) })
	g.AwaitMetric(`relay_answers_total{result="off"}`, 1)
}

// What is no UTF-8 becomes U+FFFD, for all alike.
func TestNotUTF8(t *testing.T) {
	app := newApp(t)
	g, _ := gatewaytest.StartWithRedis(t, app.sites(""))
	c, s := begun(t, app, g, "c1")
	c.event("a\xffb")
	c.end()
	if err := s.AwaitEnd(); err != nil || events(s) != "data: a\ufffdb\n\n" {
		t.Errorf("the client got %q, %v", events(s), err)
	}
	if reader := resume(t, g, "c1"); reader.AwaitEnd() != nil || events(reader) != "data: a\ufffdb\n\n" {
		t.Errorf("the reader got %q", events(reader))
	}
}

// An app that says nothing: its client and who joins have an open answer, and a clean end
// if that is all.
func TestNoEvents(t *testing.T) {
	app := newApp(t)
	g, _ := gatewaytest.StartWithRedis(t, app.sites(""))
	c, s := begun(t, app, g, "c1")
	reader := resume(t, g, "c1")
	c.end()
	for _, s := range []*gatewaytest.Stream{s, reader} {
		if err := s.AwaitEnd(); err != nil || events(s) != "" {
			t.Errorf("got %q, %v", s.Text(), err)
		}
	}
}
