package blackbox_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// A way is one over which a subscriber is delivered to.
type way struct {
	name, scheme string
	client       func(testing.TB) *http.Client
	via          string // as the log calls it
	wrappers     string // of the listener
}

var ways = []way{
	{"HTTP1", "http", gatewaytest.HTTP1, "socket", ""},
	{"HTTP1 over TLS", "https", gatewaytest.HTTP1, "socket", ""},
	{"HTTP2", "https", gatewaytest.HTTP2, "response", ""},
	{"HTTP2 without the server", "https", gatewaytest.HTTP2, "http2", "sse_http2"},
	{"HTTP1 beside it", "https", gatewaytest.HTTP1, "socket", "sse_http2"},
	{"HTTP3", "https", http3Client, "response", ""},
	{"h2c", "http", gatewaytest.H2C, "response", ""},
	{"h2c without the server", "http", gatewaytest.H2C, "http2", "sse_http2"},
}

// eachWay runs the test over every way, each with a gateway and a Redis server
// of its own. The block is that of sse_subscribe.
func eachWay(t *testing.T, block string, test func(*testing.T, way, *gatewaytest.Gateway, *redistest.Server)) {
	t.Helper()
	t.Parallel()
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			g := w.start(t, server, block)
			test(t, w, g, server)
		})
	}
}

// start runs a gateway for it. The block is that of sse_subscribe.
func (w way) start(t *testing.T, server *redistest.Server, block string) *gatewaytest.Gateway {
	t.Helper()
	tls := map[string]string{"https": "\ttls internal\n"}[w.scheme]
	wrappers := ""
	if w.wrappers != "" {
		wrappers = "\t\tlistener_wrappers {\n" + w.wrappers + "\n}\n"
	}
	return gatewaytest.Start(t, "\tdebug\n\tdefault_sni 127.0.0.1\n\tservers {\n\t\tprotocols h1 h2 h3 h2c\n"+wrappers+"\t}\n"+gatewaytest.RedisOption(server),
		w.scheme+"://{$ADDR} {\n"+tls+"\tsse_subscribe /events/* {path.1} {\n"+block+"\n\t}\n}")
}

func (w way) url(g *gatewaytest.Gateway) string { return w.scheme + "://" + g.Addr + "/events/" }

func TestEveryWay(t *testing.T) {
	eachWay(t, "greeting hi there\nheartbeat 100ms", func(t *testing.T, w way, g *gatewaytest.Gateway, server *redistest.Server) {
		s := gatewaytest.Subscribe(t, w.client(t), w.url(g)+"a")
		s.Await("event: hi\ndata: there\n\n")
		s.Await("\n:\n")
		big := strings.Repeat("x", 300<<10)
		for _, payload := range []string{"one", big, "two\nlines", "last"} {
			server.Do("PUBLISH", "a", payload)
		}
		s.Await("data: one\n\n")
		s.Await("data: " + big + "\n\n")
		s.Await("data: two\ndata: lines\n\n")
		s.Await("data: last\n\n")
		s.Leave()
		redistest.Await(t, "the end", func() bool { return strings.Contains(g.Log(), `"via":"`+w.via+`"`) })
		if !strings.Contains(g.Log(), `"reason":"the client left`) {
			t.Errorf("the log has another reason:\n%s", g.Log())
		}
	})
}

func TestMaxDurationEveryWay(t *testing.T) {
	eachWay(t, "max_duration 500ms\nheartbeat 100ms", func(t *testing.T, w way, g *gatewaytest.Gateway, _ *redistest.Server) {
		began := time.Now()
		s := gatewaytest.Subscribe(t, w.client(t), w.url(g)+"a")
		if err := s.AwaitEnd(); err != nil {
			t.Errorf("it did not end cleanly: %v", err)
		}
		if took := time.Since(began); took < 450*time.Millisecond {
			t.Errorf("it ended after %s", took)
		}
		endsWithRetry(t, s)
	})
}

// Whatever ends a subscription, a client knows when to come back, and dispatches
// it: some take a response that ends within a comment for a failure.
func TestKickEveryWay(t *testing.T) {
	eachWay(t, "heartbeat 100ms", func(t *testing.T, w way, g *gatewaytest.Gateway, _ *redistest.Server) {
		s := gatewaytest.Subscribe(t, w.client(t), w.url(g)+"a")
		s.Await("\n:\n")
		gatewaytest.Do(t, http.MethodDelete, g.Admin+"/sse/subscribers?channel=a", "")
		if err := s.AwaitEnd(); err != nil {
			t.Errorf("it did not end cleanly: %v", err)
		}
		endsWithRetry(t, s)
	})
}

var lastRetry = regexp.MustCompile(`\nretry: [0-9]+\n\n$`)

func endsWithRetry(t *testing.T, s *gatewaytest.Stream) {
	t.Helper()
	if !lastRetry.MatchString(s.Text()) {
		t.Errorf("the end is not a reconnection time: %q", s.Text())
	}
}

// A client that takes little, but steadily, is not stalled.
func TestSteadySlowClients(t *testing.T) {
	t.Parallel()
	const (
		window  = 64 << 10
		payload = 300 << 10
	)
	http2 := &http.HTTP2Config{MaxReceiveBufferPerStream: window}
	for _, w := range ways {
		if w.via == "socket" {
			continue // over a socket the system's buffers hide how slow the client is
		}
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			g := w.start(t, server, "write_timeout 2s")
			client := w.client(t)
			switch tr := client.Transport.(type) {
			case *http.Transport:
				tr.HTTP2 = http2
			case *http3.Transport:
				tr.QUICConfig = &quic.Config{InitialStreamReceiveWindow: window, MaxStreamReceiveWindow: window}
			}
			request, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, w.url(g)+"a", nil)
			response, err := client.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			server.Do("PUBLISH", "a", strings.Repeat("x", payload))
			// At 40 kB/s it takes three times the write timeout.
			for had := 0; had < payload-4000; {
				n, err := io.CopyN(io.Discard, response.Body, 4000)
				if had += int(n); err != nil {
					t.Fatalf("after %d bytes: %v\n%s", had, err, g.Log())
				}
				time.Sleep(100 * time.Millisecond) // it is the client's own rate
			}
		})
	}
}

// Nothing is sent, so only the connection itself can tell.
func TestLeavingIsNoticedAtOnce(t *testing.T) {
	eachWay(t, "heartbeat off", func(t *testing.T, w way, g *gatewaytest.Gateway, server *redistest.Server) {
		s := gatewaytest.Subscribe(t, w.client(t), w.url(g)+"a")
		s.Await("retry")
		if server.Listeners("a") != 1 {
			t.Error("nobody listens")
		}
		s.Leave()
		redistest.Await(t, "the end of the subscription", func() bool { return server.Listeners("a") == 0 })
	})
}

// A burst far above the limit of what may wait reaches who reads, whole and in
// order.
func TestBurstAboveTheLimit(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	g := gatewaytest.Start(t, gatewaytest.RedisOption(server), `http://{$ADDR} {
	sse_subscribe /events a {
		pending 256KiB
	}
}`)
	s := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), "http://"+g.Addr+"/events")
	var want strings.Builder
	pipeline := server.Client().Pipeline()
	for i := range 400 {
		payload := fmt.Sprint(i, strings.Repeat("x", 1000))
		pipeline.Publish(t.Context(), "a", payload)
		fmt.Fprintf(&want, "data: %s\n\n", payload)
	}
	if _, err := pipeline.Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.AwaitData(want.String())
}

// Who does not read is closed at the limit, or after the time that nothing was
// taken, and nobody else notices.
func TestSlowAndStalledSubscribers(t *testing.T) {
	for _, overTLS := range []bool{false, true} {
		for _, test := range []struct {
			name, block, reason string
			payloads            int // of 64 KiB: far more than the limit, or just more than the socket's buffers
		}{
			{"slow", "pending 1MiB\nwrite_timeout 1h", "too slow", 200},
			{"stalled", "pending 1GiB\nwrite_timeout 500ms", "stalled: ", 200},
		} {
			t.Run(fmt.Sprint(test.name, " TLS ", overTLS), func(t *testing.T) {
				t.Parallel()
				server := redistest.Start(t)
				scheme, tls := "http", ""
				if overTLS {
					scheme, tls = "https", "\ttls internal\n"
				}
				g := gatewaytest.Start(t, "\tdebug\n"+gatewaytest.RedisOption(server), scheme+"://{$ADDR} {\n"+tls+"\tsse_subscribe /events a {\n"+test.block+"\n\t}\n}")
				const stalled = 5
				var bodies []*bufio.Reader
				for range stalled {
					_, body := gatewaytest.Raw(t, g.Addr, "/events", overTLS)
					bodies = append(bodies, body)
				}
				healthy := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), scheme+"://"+g.Addr+"/events")
				healthy.Await("retry")
				payload := strings.Repeat("x", 64<<10)
				for i := range test.payloads {
					server.Do("PUBLISH", "a", payload)
					if i%20 == 0 {
						healthy.AwaitData(strings.Repeat("data: "+payload+"\n\n", i+1))
					}
				}
				redistest.Await(t, "the end of those who do not read", func() bool {
					return strings.Count(g.Log(), `"reason":"`+test.reason) == stalled
				})
				for _, body := range bodies {
					if _, err := io.Copy(io.Discard, body); !errors.Is(err, syscall.ECONNRESET) {
						t.Errorf("who did not read finds %v", err)
					}
				}
				server.Do("PUBLISH", "a", "last")
				healthy.Await("data: last\n\n")
			})
		}
	}
}

// The same over HTTP/2, where flow control is what a client stalls with.
func TestStalledOverHTTP2(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	g := gatewaytest.Start(t, "\tdebug\n"+gatewaytest.RedisOption(server), `https://{$ADDR} {
	tls internal
	sse_subscribe /events a {
		write_timeout 500ms
		pending 64MiB
	}
}`)
	client := gatewaytest.HTTP2(t)
	request, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+g.Addr+"/events", nil)
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	for range 200 {
		server.Do("PUBLISH", "a", strings.Repeat("x", 64<<10))
	}
	redistest.Await(t, "the end of who does not read", func() bool { return strings.Contains(g.Log(), `"reason":"stalled`) })
}

func TestManyConnects(t *testing.T) {
	const n = 20_000
	t.Parallel()
	server := redistest.Start(t)
	g := gatewaytest.StartForMany(t, gatewaytest.RedisOption(server), `http://{$ADDR} {
	metrics
	sse_subscribe /events/* shared chat:{path.1}
}`)
	connect := func(n int) {
		var all sync.WaitGroup
		for worker := range 8 {
			all.Go(func() {
				for i := range n / 8 {
					conn, _ := gatewaytest.Raw(t, g.Addr, fmt.Sprint("/events/", (worker+i)%50), false)
					conn.Close()
				}
			})
		}
		all.Wait()
		redistest.Await(t, "no channels", func() bool { return server.Channels("shared") == 0 && server.Channels("chat:*") == 0 })
	}
	connect(80)
	files, routines, sockets := descriptors(t, g), goroutines(t, g), watched(t, g)
	connect(n)
	redistest.Await(t, "everything to be as before", func() bool {
		return descriptors(t, g) <= files+3 && goroutines(t, g) <= routines+5 && watched(t, g) <= sockets+3
	})
}

// Whatever else Caddy puts around a connection by default, it is taken over.
func TestSocketIsTakenByDefault(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	g := gatewaytest.Start(t, "\tdebug\n"+gatewaytest.RedisOption(server), `http://{$ADDR} {
	log
	metrics
	encode
	sse_subscribe /events a
}`)
	s := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), "http://"+g.Addr+"/events", "Accept-Encoding: gzip")
	s.Await("retry")
	s.Leave()
	redistest.Await(t, "a socket's end in the log", func() bool { return strings.Contains(g.Log(), `"via":"socket","status":200,"bytes":`) })
}
