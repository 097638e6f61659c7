package relay_test

import (
	"strings"
	"syscall"
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// Where the app breaks off, or an event has no end, the run ends as error, with what is
// whole, and the connections are broken off.
func TestAppBreaksOff(t *testing.T) {
	app := newApp(t)
	g, server := gatewaytest.StartWithRedis(t, app.sites(""))
	for channel, end := range map[string]func(*call){
		"broken":  func(c *call) { c.breakOff() },
		"endless": func(c *call) { c.say("data: " + strings.Repeat("x", 1<<20+1)); c.end() },
	} {
		asked := make(chan *gatewaytest.Stream)
		go func() { asked <- ask(t, g, "/ask/"+channel) }()
		c := app.call().begin()
		s := await(t, asked)
		c.event("one")
		s.Await("data: one\n\n")
		c.say("data: half")
		end(c)
		if err := s.AwaitEnd(); err == nil || events(s) != "data: one\n\n" {
			t.Errorf("%s: got %q, %v", channel, events(s), err)
		}
		reader := resume(t, g, channel)
		if err := reader.AwaitEnd(); err == nil || events(reader) != "data: one\n\n" {
			t.Errorf("%s: the reader got %q, %v", channel, events(reader), err)
		}
		if n := server.Do("XLEN", channel); n != int64(3) {
			t.Errorf("%s: there are %v entries", channel, n)
		}
	}
	g.AwaitMetric(`relay_answers_total{result="error"}`, 2)
}

// When a gateway is killed, another one ends its runs as lost.
func TestGatewayKilled(t *testing.T) {
	t.Parallel()
	app, server := newApp(t), redistest.Start(t)
	g := gatewaytest.Start(t, gatewaytest.RedisOption(server), app.sites(""))
	other := gatewaytest.Start(t, gatewaytest.RedisOption(server), app.sites(""))
	asked := make(chan *gatewaytest.Stream)
	go func() { asked <- ask(t, g, "/ask/c1") }()
	c := app.call().begin()
	await(t, asked)
	c.event("one")
	reader := resume(t, other, "c1")
	reader.Await("data: one\n\n")
	g.Kill()
	if err := reader.AwaitEnd(); err == nil || events(reader) != "data: one\n\n" {
		t.Errorf("the reader got %q, %v", events(reader), err)
	}
	if late := resume(t, other, "c1", "Last-Event-ID: "+reader.NewestID()); late.StatusCode != 204 {
		t.Errorf("who has the end got %s", late.Status)
	}
}

// When a gateway ends, its runs go on while it drains, and then end as lost.
func TestGatewayEnds(t *testing.T) {
	t.Parallel()
	app, server := newApp(t), redistest.Start(t)
	g := gatewaytest.Start(t, strings.Replace(gatewaytest.RedisOption(server), "drain 0", "drain 1s", 1), app.sites(""))
	other := gatewaytest.Start(t, gatewaytest.RedisOption(server), app.sites(""))
	asked := make(chan *gatewaytest.Stream)
	go func() { asked <- ask(t, g, "/ask/c1") }()
	c := app.call().begin()
	s := await(t, asked)
	c.event("one")
	reader := resume(t, other, "c1")
	reader.Await("data: one\n\n")
	g.Signal(syscall.SIGTERM)
	c.event("two")
	reader.Await("data: two\n\n")
	g.AwaitEnd()
	c.awaitGone()
	if n, lease := server.Do("XLEN", "c1"), server.Do("EXISTS", "sse.relay.{c1}"); n != int64(4) || lease != int64(0) {
		t.Errorf("when the gateway has ended there are %v entries, and %v leases", n, lease)
	}
	for name, s := range map[string]*gatewaytest.Stream{"client": s, "reader": reader} {
		if err := s.AwaitEnd(); err == nil {
			t.Errorf("the %s's answer ended cleanly", name)
		}
	}
}

// A reload does not touch a run, nor its client.
func TestReload(t *testing.T) {
	app := newApp(t)
	g, server := gatewaytest.StartWithRedis(t, app.sites(""))
	asked := make(chan *gatewaytest.Stream)
	go func() { asked <- ask(t, g, "/ask/c1") }()
	c := app.call().begin()
	s := await(t, asked)
	c.event("one")
	g.Reload(gatewaytest.RedisOption(server), app.sites("ttl 1m"))
	c.event("two")
	c.end()
	if err := s.AwaitEnd(); err != nil || events(s) != "data: one\n\ndata: two\n\n" {
		t.Errorf("got %q, %v", events(s), err)
	}
}

// A run that nobody reads is stopped, and one that somebody reads is not.
func TestAbandon(t *testing.T) {
	app := newApp(t)
	g, _ := gatewaytest.StartWithRedis(t, app.sites("abandon 10s"))
	read, _ := begun(t, app, g, "read")
	c, s := begun(t, app, g, "left")
	reader := resume(t, g, "left")
	s.Leave()
	reader.Leave()
	c.awaitGone()
	g.AwaitMetric(`relay_answers_total{result="stopped"}`, 1)
	read.event("one")
	read.end()
	g.AwaitMetric(`relay_answers_total{result="done"}`, 1)
}
