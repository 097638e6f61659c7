package blackbox_test

import (
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

func TestEveryProtocol(t *testing.T) {
	g, server := gatewaytest.StartWithRedis(t, `https://{$ADDR} {
	tls internal
	sse_subscribe /events chat:1
}`)
	c, serverC := startH2C(t)
	streams := map[string]*gatewaytest.Stream{
		"HTTP/1.1 over TLS": gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), "https://"+g.Addr+"/events"),
		"HTTP/2":            gatewaytest.Subscribe(t, gatewaytest.HTTP2(t), "https://"+g.Addr+"/events"),
		"h2c":               gatewaytest.Subscribe(t, gatewaytest.H2C(t), "http://"+c.Addr+"/events"),
		"HTTP/1.1":          gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), "http://"+c.Addr+"/events"),
	}
	for _, s := range []*redistest.Server{server, serverC} {
		s.Do("PUBLISH", "chat:1", "hello")
	}
	for protocol, s := range streams {
		if want := map[bool]int{true: 2, false: 1}[strings.HasSuffix(protocol, "2") || protocol == "h2c"]; s.ProtoMajor != want {
			t.Errorf("%s: spoke %s", protocol, s.Proto)
		}
		s.Await("data: hello\n\n")
	}
	for _, g := range []*gatewaytest.Gateway{g, c} {
		g.Signal(syscall.SIGTERM)
	}
	for protocol, s := range streams {
		if err := s.AwaitEnd(); err != nil {
			t.Errorf("%s: it did not end cleanly: %v", protocol, err)
		}
	}
	for _, g := range []*gatewaytest.Gateway{g, c} {
		// Go's HTTP/2 server keeps a connection for up to two seconds after its
		// last stream, which the client here leaves open.
		g.AwaitEnd()
	}
}

func startH2C(t *testing.T) (*gatewaytest.Gateway, *redistest.Server) {
	t.Helper()
	server := redistest.Start(t)
	return gatewaytest.Start(t, "\tservers {\n\t\tprotocols h1 h2c\n\t}\n"+gatewaytest.RedisOption(server), `http://{$ADDR} {
	sse_subscribe /events chat:1
}`), server
}

// No timeout of the server's ends a subscription.
func TestServerTimeouts(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	g := gatewaytest.Start(t, `	servers {
		timeouts {
			read_body 200ms
			read_header 1s
			write 200ms
			idle 200ms
		}
	}
`+gatewaytest.RedisOption(server), `https://{$ADDR} {
	tls internal
	sse_subscribe /events chat:1 {
		heartbeat 100ms
	}
}`)
	streams := []*gatewaytest.Stream{
		gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), "https://"+g.Addr+"/events"),
		gatewaytest.Subscribe(t, gatewaytest.HTTP2(t), "https://"+g.Addr+"/events"),
	}
	for _, s := range streams {
		redistest.Await(t, "two seconds of heartbeats", func() bool { return strings.Count(s.Text(), ":\n") >= 40 })
	}
	server.Do("PUBLISH", "chat:1", "still here")
	for _, s := range streams {
		s.Await("still here")
	}
}

// The answer may wait for Redis for longer than the server gives an answer.
func TestServerTimeoutsWhileRedisIsAsked(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	proxy := redistest.StartProxy(t, server.Addr)
	proxy.Delay(150 * time.Millisecond) // each way
	g := gatewaytest.Start(t, `	servers {
		timeouts {
			write 200ms
		}
	}
	sse {
		redis `+proxy.Addr+`
		drain 0
	}`, `https://{$ADDR} {
	tls internal
	sse_subscribe /events/* chat:{path.1}
}`)
	redistest.Await(t, "the gateway to listen", func() bool { return strings.Contains(g.Log(), "listening to redis") })
	for i, client := range []*http.Client{gatewaytest.HTTP1(t), gatewaytest.HTTP2(t)} {
		began := time.Now()
		s := gatewaytest.Subscribe(t, client, fmt.Sprint("https://", g.Addr, "/events/", i))
		if waited := time.Since(began); waited < 200*time.Millisecond {
			t.Fatalf("the answer came after %s, so nothing was tried", waited)
		}
		server.Do("PUBLISH", fmt.Sprint("chat:", i), "here")
		s.Await("data: here\n\n")
	}
}
