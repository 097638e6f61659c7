package blackbox_test

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// A reload ends the connection in the server's eyes, and new requests go over another one.
// Who subscribes over the old one stays, and so does whatever else has begun.
func TestHTTP2SubscribersStayOverAReload(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	global, site := wrappedGlobal(server, true), wrappedSite(t, t.TempDir())
	g := gatewaytest.Start(t, global, site)
	client := gatewaytest.HTTP2(t)
	var all []*gatewaytest.Stream
	for range 5 {
		s := gatewaytest.Subscribe(t, client, "https://"+g.Addr+"/events/a")
		s.Await("retry")
		all = append(all, s)
	}
	for range 3 {
		g.Reload(global, site)
		s := gatewaytest.Subscribe(t, client, "https://"+g.Addr+"/events/a")
		s.Await("retry")
		all = append(all, s)
	}
	redistest.Await(t, "the old servers to leave", func() bool { return strings.Count(g.Log(), "servers shutting down") >= 3 })
	time.Sleep(1500 * time.Millisecond) // Go's server closes a connection a second after its GOAWAY
	server.Do("PUBLISH", "a", "after the reloads")
	for _, s := range all {
		s.Await("data: after the reloads\n\n")
	}
	for _, s := range all[:3] {
		s.Leave()
	}
	g.AwaitMetric(`subscribers{protocol="http/2",via="http2"}`, 5)
	server.Do("PUBLISH", "a", "last")
	for _, s := range all[3:] {
		s.Await("data: last\n\n")
	}
	g.Stop()
	for _, s := range all[3:] {
		if err := s.AwaitEnd(); err != nil {
			t.Errorf("a subscription ends with %v", err)
		}
		endsWithRetry(t, s)
	}
}

// A connection that carries subscribers only is not idle. It is once they have left.
func TestHTTP2SubscribersOutliveTheIdleTimeout(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	g := gatewaytest.Start(t, strings.Replace(wrappedGlobal(server, true), "servers {", "servers {\n\t\ttimeouts {\n\t\t\tidle 300ms\n\t\t}", 1), wrappedSite(t, t.TempDir()))
	c := dialHTTP2(t, g)
	c.send(frame(h2Headers, h2EndHeaders|h2EndStream, 1, get("/events/a")...))
	c.awaitData(1, "retry")
	time.Sleep(time.Second) // the server closes a connection a second after its GOAWAY
	if answer := c.answer(); answer != "" {
		t.Errorf("a PING is answered by %q", answer)
	}
	server.Do("PUBLISH", "a", "still here")
	c.awaitData(1, "data: still here\n\n")
	c.send(frame(h2RST, 0, 1, number(8)...))
	var answers []byte
	for {
		kind, _, _, payload, err := c.read()
		if err != nil {
			break
		}
		if kind == h2GoAway {
			answers = payload
		}
	}
	if want := append(number(1), number(0)...); !bytes.Equal(answers, want) {
		t.Errorf("the last one has gone, and GOAWAY says %x, not %x", answers, want)
	}
}

// Who does not read its socket is reset at the limit, and so is who gives no window. Nobody
// else notices.
func TestHTTP2SlowAndStalled(t *testing.T) {
	for _, test := range []struct{ name, block, reason string }{
		{"slow", "pending 1MiB\nwrite_timeout 1h", "too slow"},
		{"stalled", "pending 1GiB\nwrite_timeout 500ms", "stalled: "},
	} {
		for _, hasWindow := range []bool{true, false} {
			t.Run(test.name+map[bool]string{true: ", its socket", false: ", its window"}[hasWindow], func(t *testing.T) {
				t.Parallel()
				server := redistest.Start(t)
				g := gatewaytest.Start(t, wrappedGlobal(server, true), "https://{$ADDR} {\n\ttls internal\n\tsse_subscribe /events/a a {\n"+test.block+"\n\t}\n}")
				const stalled = 3
				var clients []*rawHTTP2
				for range stalled {
					c := dialHTTP2(t, g, setting(4, 1<<31-1)...)
					if hasWindow {
						c.send(frame(h2Window, 0, 0, number(1<<31-1-65535)...))
					}
					c.send(frame(h2Headers, h2EndHeaders|h2EndStream, 1, get("/events/a")...))
					c.awaitData(1, "retry")
					clients = append(clients, c)
				}
				healthy := gatewaytest.Subscribe(t, gatewaytest.HTTP2(t), "https://"+g.Addr+"/events/a")
				healthy.Await("retry")
				payload := strings.Repeat("x", 64<<10)
				for range 200 {
					server.Do("PUBLISH", "a", payload)
				}
				server.Do("PUBLISH", "a", "last")
				healthy.Await("data: last\n\n")
				t.Cleanup(func() {
					if t.Failed() {
						for _, l := range strings.Split(g.Log(), "\n") {
							if strings.Contains(l, "subscriber left") {
								t.Log(l)
							}
						}
					}
				})
				redistest.Await(t, "the end of those who do not read", func() bool {
					return strings.Count(g.Log(), `"reason":"`+test.reason) == stalled
				})
				for _, c := range clients {
					if hasWindow {
						if _, err := io.Copy(io.Discard, c); err == nil {
							t.Error("its connection ends in order")
						}
					} else if answer := c.answer(); answer != "stream 1: 8" {
						t.Errorf("it gets %q", answer)
					}
				}
			})
		}
	}
}

// Where the listener wrapper can do nothing, everything is as without it.
func TestHTTP2WrapperInVain(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	for _, test := range []struct {
		name, wrappers, site, via string
		client                    func(testing.TB) *http.Client
	}{
		{"before tls", "sse_http2\ntls", "https://{$ADDR} {\n\ttls internal\n", "response", gatewaytest.HTTP2},
		{"in the clear", "sse_http2\n}\n\t\tprotocols h1 h2c\n\t\ttimeouts {\nidle 5m", "http://{$ADDR} {\n", "http2", gatewaytest.H2C},
		{"HTTP/1.1 in the clear", "sse_http2", "http://{$ADDR} {\n", "socket", gatewaytest.HTTP1},
		{"twice", "sse_http2\nsse_http2", "https://{$ADDR} {\n\ttls internal\n", "http2", gatewaytest.HTTP2},
		{"TLS 1.2", "sse_http2", "https://{$ADDR} {\n\ttls internal {\n\t\tprotocols tls1.2 tls1.2\n\t}\n", "http2", gatewaytest.HTTP2},
		{"HTTP/2 alone", "sse_http2\n}\n\t\tprotocols h2\n\t\ttimeouts {\nidle 5m", "https://{$ADDR} {\n\ttls internal\n", "http2", gatewaytest.HTTP2},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			g := gatewaytest.Start(t, "\tdebug\n"+gatewaytest.RedisOption(server)+"\n\tservers {\n\t\tlistener_wrappers {\n"+test.wrappers+"\n}\n\t}",
				test.site+"\tsse_subscribe /events a\n\trespond \"hello {http.request.tls.proto}\"\n}")
			scheme, _, _ := strings.Cut(test.site, ":")
			client := test.client(t)
			s := gatewaytest.Subscribe(t, client, scheme+"://"+g.Addr+"/events")
			s.Await("retry")
			if _, body := gatewaytest.DoBy(t, client, http.MethodGet, scheme+"://"+g.Addr+"/", ""); body != "hello "+map[bool]string{true: "h2"}[scheme == "https"] {
				t.Errorf("another request gets %q", body)
			}
			server.Do("PUBLISH", "a", "one")
			s.Await("data: one\n\n")
			s.Leave()
			redistest.Await(t, "the end", func() bool { return strings.Contains(g.Log(), `"via":"`+test.via+`"`) })
		})
	}
}

// Of clients that have gone nothing is left, however they go.
func TestHTTP2LeavesNothing(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	g := gatewaytest.Start(t, wrappedGlobal(server, true), "https://{$ADDR} {\n\ttls internal\n\tsse_subscribe /events/* {path.1}\n}")
	connect := func(n int) {
		for i := range n {
			c := dialHTTP2(t, g)
			c.send(frame(h2Headers, h2EndHeaders|h2EndStream, 1, get("/events/a")...), frame(h2Headers, h2EndHeaders|h2EndStream, 3, get("/events/b")...))
			c.awaitData(1, "retry")
			switch i % 4 {
			case 0:
				_ = c.NetConn().(*net.TCPConn).SetLinger(0) // it resets the connection
			case 1:
				c.send(frame(h2RST, 0, 1, number(8)...), frame(h2RST, 0, 3, number(8)...))
				c.answer()
			case 2:
				c.send(frame(h2GoAway, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))
				c.answer()
			}
			_ = c.NetConn().Close()
		}
		g.AwaitMetric(`subscribers{protocol="http/2",via="http2"}`, 0)
		g.AwaitMetric("http2_parked_connections", 0)
	}
	c := dialHTTP2(t, g)
	c.send(frame(h2Headers, h2EndHeaders|h2EndStream, 1, get("/events/a")...))
	c.awaitData(1, "retry")
	g.AwaitMetric("http2_parked_connections", 1)
	_ = c.NetConn().Close()
	connect(20)
	files, routines := descriptors(t, g), goroutines(t, g)
	connect(200)
	redistest.Await(t, "everything to be as before", func() bool {
		return descriptors(t, g) <= files+3 && goroutines(t, g) <= routines+5
	})
}
