package blackbox_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// wrappedSites runs a gateway with the listener wrapper or without, that serves
// subscribers, files, and an app which sends back what it gets.
func wrappedSites(t *testing.T, server *redistest.Server, isWrapped bool, files string) *gatewaytest.Gateway {
	t.Helper()
	return gatewaytest.Start(t, wrappedGlobal(server, isWrapped), wrappedSite(t, files))
}

func wrappedGlobal(server *redistest.Server, isWrapped bool) string {
	global := "\tdebug\n" + gatewaytest.RedisOption(server)
	if isWrapped {
		global += "\n\tservers {\n\t\tlistener_wrappers {\n\t\t\tsse_http2\n\t\t}\n\t}"
	}
	return global
}

func wrappedSite(t *testing.T, files string) string {
	t.Helper()
	return fmt.Sprintf(`https://{$ADDR} {
	tls internal
	sse_subscribe /events/* {path.1}
	handle /echo {
		reverse_proxy %s
	}
	handle {
		root %s
		file_server
	}
}`, echo(t), files)
}

// echo is an app that sends back what it gets.
func echo(t *testing.T) (addr string) {
	t.Helper()
	addr = redistest.FreeAddr(t)
	server := &http.Server{Addr: addr, ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // what is sent back tells
		_, _ = w.Write(body)
	})}
	go func() { _ = server.ListenAndServe() }()
	t.Cleanup(func() { server.Close() })
	return addr
}

// Downloads, uploads and subscribers share one connection, and nothing is lost or
// changed.
func TestHTTP2TogetherWithOtherRequests(t *testing.T) {
	t.Parallel()
	const streams, rounds = 20, 3
	server := redistest.Start(t)
	files := t.TempDir()
	big := bytes.Repeat([]byte("0123456789abcdef"), 4<<16)
	if err := os.WriteFile(filepath.Join(files, "big"), big, 0o600); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(big)
	for name, window := range map[string]int{"large windows": 0, "small windows": 64 << 10} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := wrappedSites(t, server, true, files)
			client := gatewaytest.HTTP2(t)
			if window > 0 {
				client.Transport.(*http.Transport).HTTP2 = &http.HTTP2Config{MaxReceiveBufferPerStream: window, MaxReceiveBufferPerConnection: window}
			}
			channel := "c" + strconv.Itoa(window)
			var all []*gatewaytest.Stream
			for range streams {
				s := gatewaytest.Subscribe(t, client, "https://"+g.Addr+"/events/"+channel)
				s.Await("retry")
				all = append(all, s)
			}
			stop := make(chan struct{})
			var want strings.Builder
			var publisher, requests sync.WaitGroup
			publisher.Go(func() {
				for i := 0; ; i++ {
					select {
					case <-stop:
						return
					case <-time.After(5 * time.Millisecond): // the rate of the events
					}
					payload := fmt.Sprint(i, " ", strings.Repeat("x", i*7%3000))
					server.Do("PUBLISH", channel, payload)
					fmt.Fprintf(&want, "data: %s\n\n", payload)
				}
			})
			for range rounds {
				for range 3 {
					requests.Go(func() {
						response, body := gatewaytest.DoBy(t, client, http.MethodGet, "https://"+g.Addr+"/big", "")
						if got := sha256.Sum256([]byte(body)); response.StatusCode != http.StatusOK || got != sum {
							t.Errorf("a download has status %d, %d bytes", response.StatusCode, len(body))
						}
					})
					requests.Go(func() {
						if _, body := gatewaytest.DoBy(t, client, http.MethodPost, "https://"+g.Addr+"/echo", string(big[:1<<20])); body != string(big[:1<<20]) {
							t.Errorf("an upload comes back as %d bytes", len(body))
						}
					})
				}
				requests.Wait()
			}
			close(stop)
			publisher.Wait()
			for _, s := range all {
				s.AwaitData(want.String())
			}
			if n := g.Metric(`subscribers{protocol="http/2",via="http2"}`); n != streams {
				t.Errorf("%v of them are served without the server", n)
			}
		})
	}
}

// Other requests cost about as much with the wrapper as without.
func TestHTTP2CostOfOtherRequests(t *testing.T) {
	if os.Getenv("SSE_COST") == "" {
		t.Skip("it needs a quiet machine: SSE_COST=1")
	}
	server := redistest.Start(t)
	files := t.TempDir()
	if err := os.WriteFile(filepath.Join(files, "big"), make([]byte, 10<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(files, "small"), []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		n    int
		do   func(c *http.Client, g *gatewaytest.Gateway)
	}{
		{"downloads of 10 MiB", 40, func(c *http.Client, g *gatewaytest.Gateway) {
			gatewaytest.DoBy(t, c, http.MethodGet, "https://"+g.Addr+"/big", "")
		}},
		{"small requests", 5000, func(c *http.Client, g *gatewaytest.Gateway) {
			gatewaytest.DoBy(t, c, http.MethodGet, "https://"+g.Addr+"/small", "")
		}},
		{"1 MiB up and down", 50, func(c *http.Client, g *gatewaytest.Gateway) {
			gatewaytest.DoBy(t, c, http.MethodPost, "https://"+g.Addr+"/echo", string(make([]byte, 1<<20)))
		}},
	} {
		var used [2][]time.Duration
		both := []*gatewaytest.Gateway{wrappedSites(t, server, false, files), wrappedSites(t, server, true, files)}
		clients := []*http.Client{gatewaytest.HTTP2(t), gatewaytest.HTTP2(t)}
		for range 6 {
			for i, g := range both {
				before := cpu(t, g)
				for range test.n {
					test.do(clients[i], g)
				}
				used[i] = append(used[i], cpu(t, g)-before)
			}
		}
		plain, wrapped := median(used[0][1:]), median(used[1][1:])
		t.Logf("%s: %s plain, %s wrapped: %.3f (%v, %v)", test.name, plain, wrapped, float64(wrapped)/float64(plain), used[0], used[1])
	}
}

func median(all []time.Duration) time.Duration {
	all = slices.Sorted(slices.Values(all))
	return all[len(all)/2]
}

// cpu is how long the process has run.
func cpu(t testing.TB, g *gatewaytest.Gateway) time.Duration {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", g.PID()))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}
