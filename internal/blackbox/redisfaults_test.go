package blackbox_test

import (
	"strings"
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// Redis' faults: the subscriber stays, and is told what it may have missed.
func TestRedisFaults(t *testing.T) {
	for name, fault := range map[string]struct {
		breaks, mends func(*redistest.Server)
	}{
		"killed connection": {func(s *redistest.Server) { s.Do("CLIENT", "KILL", "TYPE", "pubsub") }, func(*redistest.Server) {}},
		"restarted server":  {(*redistest.Server).Kill, (*redistest.Server).Restart},
		"frozen server":     {(*redistest.Server).Freeze, (*redistest.Server).Thaw},
	} {
		t.Run(name, func(t *testing.T) {
			g, server := gatewaytest.StartWithRedis(t, `http://{$ADDR} {
	sse_subscribe /events chat:1 {
		heartbeat 100ms
	}
}`)
			early := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), "http://"+g.Addr+"/events")
			fault.breaks(server)
			redistest.Await(t, "the gateway to notice", func() bool { return strings.Contains(g.Log(), "trying again") })
			late := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), "http://"+g.Addr+"/events")
			beats := strings.Count(late.Text(), ":\n")
			redistest.Await(t, "heartbeats meanwhile", func() bool { return strings.Count(late.Text(), ":\n") > beats+2 })
			fault.mends(server)
			redistest.Await(t, "listening again", func() bool { return server.Listeners("chat:1") == 1 })
			early.Await(`event: sse.gap` + "\n" + `data: {"channel":"chat:1","reason":"unknown","from":"`)
			server.Do("PUBLISH", "chat:1", "back")
			early.Await("data: back\n\n")
			late.Await("data: back\n\n")
		})
	}
}

func TestRedisAwayAtTheStart(t *testing.T) {
	t.Parallel()
	server := redistest.Stopped(t)
	g := gatewaytest.Start(t, gatewaytest.RedisOption(server), `http://{$ADDR} {
	sse_subscribe /events chat:1
}`)
	s := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), "http://"+g.Addr+"/events")
	s.Await("retry: ")
	server.Restart()
	s.Await("event: sse.gap\n")
	server.Do("PUBLISH", "chat:1", "hello")
	s.Await("data: hello\n\n")
	if n := strings.Count(g.Log(), "redis is away"); n != 1 {
		t.Errorf("the log says %d times that Redis is away", n)
	}
}

func TestWrongPasswordIsSaidAndNotShown(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--requirepass", "right")
	g := gatewaytest.Start(t, "\tdebug\n\tsse {\n\t\tredis "+server.URL("{env.WHO}:{env.SECRET}")+"\n\t}", `http://{$ADDR} {
	sse_subscribe /events chat:1
	sse_publish /say chat:1
}`, "WHO=default", "SECRET=wr0ng-secret")
	redistest.Await(t, "a plain word", func() bool { return strings.Contains(g.Log(), "redis refuses the username or password") })
	gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), "http://"+g.Addr+"/events").Await("retry: ")
	if r, _ := gatewaytest.Do(t, "POST", "http://"+g.Addr+"/say", "hi"); r.StatusCode != 503 { // it may be right again soon
		t.Errorf("publishing: %s", r.Status)
	}
	g.Stop()
	if strings.Contains(g.Log(), "wr0ng-secret") {
		t.Error("the log holds the password")
	}
}
