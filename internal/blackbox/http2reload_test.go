package blackbox_test

import (
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// How large TestHTTP2ReloadsUnderLoad is: `make reloads-http2` has a large one.
var (
	http2Connections = flag.Int("http2-connections", 4, "over how many connections there are subscribers when Caddy is reloaded")
	http2Streams     = flag.Int("http2-streams", 10, "how many `subscribers` each of these connections has")
	http2Reloads     = flag.Int("http2-reloads", 3, "how `often` Caddy is reloaded then")
)

// Reloads under load cut no subscriber over HTTP/2, and nothing is missed. The next request
// on the same connection gets the new configuration at once.
func TestHTTP2ReloadsUnderLoad(t *testing.T) {
	t.Parallel()
	connections, streams, reloads := *http2Connections, *http2Streams, *http2Reloads
	server := redistest.Start(t)
	site := func(version int) string {
		return fmt.Sprintf("https://{$ADDR} {\n\ttls internal\n\tsse_subscribe /events/* {path.1}\n\trespond \"version %d\"\n}", version)
	}
	global := wrappedGlobal(server, true)
	g := gatewaytest.Start(t, global, site(0))
	var clients []*http.Client
	var all []*gatewaytest.Stream
	for range connections {
		client := gatewaytest.HTTP2(t)
		clients = append(clients, client)
		for range streams {
			s := gatewaytest.Subscribe(t, client, "https://"+g.Addr+"/events/a")
			s.Await("retry")
			all = append(all, s)
		}
	}
	stop := make(chan struct{})
	var want strings.Builder
	var publisher sync.WaitGroup
	publisher.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			case <-time.After(3 * time.Millisecond): // the rate of the events
			}
			payload := fmt.Sprint(i, " ", strings.Repeat("x", i*7%2000))
			server.Do("PUBLISH", "a", payload)
			fmt.Fprintf(&want, "data: %s\n\n", payload)
		}
	})
	conns := make([]net.Conn, connections) // by client
	ask := func(i int) string {
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
			if conns[i] == nil {
				conns[i] = info.Conn
			}
			if conns[i] != info.Conn {
				t.Error("the connection is another one")
			}
		}})
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+g.Addr+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := clients[i].Do(r)
		if err != nil {
			t.Error(err)
			return ""
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body) // it is compared
		return string(body)
	}
	for version := range reloads + 1 {
		if version > 0 {
			g.Reload(global, site(version))
		}
		for i := range clients {
			if got := ask(i); got != fmt.Sprint("version ", version) {
				t.Errorf("connection %d is answered by %q after reload %d", i, got, version)
			}
		}
	}
	close(stop)
	publisher.Wait()
	for _, s := range all {
		s.AwaitData(want.String())
	}
	g.AwaitMetric(`subscribers{protocol="http/2",via="http2"}`, float64(connections*streams))
	t.Logf("%d subscribers got %d bytes each, over %d reloads", len(all), want.Len(), reloads)
}

// Who came under a configuration that was replaced keeps nothing of it in memory.
func TestHTTP2SubscribersKeepNoConfiguration(t *testing.T) {
	t.Parallel()
	const reloads, size = 6, 1 << 20
	server := redistest.Start(t)
	site := func(version int) string {
		return fmt.Sprintf("https://{$ADDR} {\n\ttls internal\n\tsse_subscribe /events/* {path.1}\n\trespond \"%d%s\"\n}", version, strings.Repeat("x", size))
	}
	global := wrappedGlobal(server, true)
	g := gatewaytest.StartForMany(t, global, site(0)) // or reading the Caddyfiles would take half a minute
	heap := func() (n int) {
		_, body := gatewaytest.DoBy(t, http.DefaultClient, http.MethodGet, g.Admin+"/debug/pprof/heap?debug=1&gc=1", "")
		_, rest, _ := strings.Cut(body, "# HeapAlloc = ")
		if _, err := fmt.Sscan(rest, &n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	var all []*gatewaytest.Stream
	first := 0
	for version := range reloads {
		if version > 0 {
			g.Reload(global, site(version))
		}
		s := gatewaytest.Subscribe(t, gatewaytest.HTTP2(t), "https://"+g.Addr+"/events/a")
		s.Await("retry")
		if all = append(all, s); version == 0 {
			first = heap()
		}
	}
	redistest.Await(t, "old configurations to be let go", func() bool { return heap() < first+(reloads-2)*size })
	server.Do("PUBLISH", "a", "after the reloads")
	for _, s := range all {
		s.Await("data: after the reloads\n\n")
	}
}
