package relay_test

import (
	"strings"
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// A DELETE at any gateway stops the app; with the token of another run it does nothing, and
// it may come again.
func TestStop(t *testing.T) {
	t.Parallel()
	app, server := newApp(t), redistest.Start(t)
	sites := strings.Replace(app.sites(""), "ends\n", "ends\nstop\ngate {\nrespond /runs/secret 403\n}\n", 1)
	g := gatewaytest.Start(t, gatewaytest.RedisOption(server), sites)
	other := gatewaytest.Start(t, gatewaytest.RedisOption(server), sites)
	stop := func(query string, want int) {
		t.Helper()
		if response, _ := gatewaytest.Do(t, "DELETE", "http://"+other.Addr+"/runs/"+query, ""); response.StatusCode != want {
			t.Errorf("%s: got %s", query, response.Status)
		}
	}
	c, s := begun(t, app, g, "c1")
	c.event("one")
	reader := resume(t, other, "c1")
	reader.Await("data: one\n\n")
	stop("c1?run=other", 204)
	stop("c1?run=*", 400)
	stop("c1?run=", 400)
	stop("secret", 403)
	stop("none", 204)
	c.event("two")
	reader.Await("data: two\n\n") // it goes on
	stop("c1?run="+s.Header.Get("Sse-Run"), 204)
	c.awaitGone()
	for name, s := range map[string]*gatewaytest.Stream{"client": s, "reader": reader} {
		if err := s.AwaitEnd(); err == nil {
			t.Errorf("the %s's answer ended cleanly", name)
		}
	}
	awaitEntries(t, server, "c1", 4)
	redistest.Await(t, "the lease to be given back", func() bool { return server.Do("EXISTS", "sse.relay.{c1}") == int64(0) })
	stop("c1", 204)
	g.AwaitMetric(`relay_answers_total{result="stopped"}`, 1)

	// It may come before the app has answered, and, if nobody is told of it, it is seen
	// when the run goes on.
	asked := make(chan *gatewaytest.Stream)
	go func() { asked <- ask(t, g, "/ask/c2") }()
	c = app.call()
	stop("c2", 204)
	c.awaitGone()
	await(t, asked)
	c, s = begun(t, app, g, "c3")
	lease := strings.Fields(server.Do("GET", "sse.relay.{c3}").(string))
	server.Do("SET", "sse.relay.{c3}", "!"+strings.Join(lease, " "))
	c.event("one")
	c.awaitGone()
	if err := s.AwaitEnd(); err == nil {
		t.Error("the answer ended cleanly")
	}
	awaitEntries(t, server, "c3", 3)
}
