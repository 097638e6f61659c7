package blackbox_test

import (
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

const limitedSite = `{
	sse_subscribe /all/* all:{path.1}
	sse_subscribe /ip/* ip:{path.1} {
		limits {
			subscribers_per_ip 2
		}
	}
	sse_subscribe /member/* member:{path.1} {
		presence {path.1} {
			linger 0
		}
		limits {
			subscribers_per_member 2
		}
	}
	sse_subscribe /rate rate {
		retry 2s
		limits {
			connect_rate 0.001/s
		}
	}
	sse_subscribe /refuse/* refuse:{path.1} {
		limits {
			subscribers_per_ip 1
			overload refuse
		}
	}
	sse_publish /say said
	sse_health /health
}`

// limited lets 20 subscribers in, trusts its proxies, and has a channel for each
// of 12.
func limited(server *redistest.Server) string {
	return `	servers {
		trusted_proxies static 127.0.0.0/8
	}
	sse {
		redis ` + server.Addr + `
		drain 0
		linger 0
		limits {
			subscribers 20
			channels 12
			publish_rate 3/s
		}
	}`
}

// isBusy reports whether somebody was sent away for that reason, to come back.
func isBusy(t *testing.T, s *gatewaytest.Stream, reason string) {
	t.Helper()
	if s.StatusCode != http.StatusOK || s.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatal(s.Status, s.Header)
	}
	s.Await("event: sse.busy\ndata: {\"reason\":\"" + reason + "\"}\n\n")
	if err := s.AwaitEnd(); err != nil || !strings.HasPrefix(s.Text(), "retry: ") {
		t.Errorf("%q, %v", s.Text(), err)
	}
}

func isIn(t *testing.T, s *gatewaytest.Stream) *gatewaytest.Stream {
	t.Helper()
	if s.Await("retry: "); s.StatusCode != http.StatusOK || strings.Contains(s.Text(), "sse.busy") {
		t.Fatal(s.Status, s.Text())
	}
	return s
}

// Each limit holds at its edge, and lets somebody in for each who leaves.
func TestLimits(t *testing.T) {
	for _, w := range []struct {
		name, scheme, site string
		client             func(testing.TB) *http.Client
	}{
		{"HTTP1", "http", "http://{$ADDR} " + limitedSite, gatewaytest.HTTP1},
		{"HTTP2", "https", "https://{$ADDR} " + strings.Replace(limitedSite, "{\n", "{\n\ttls internal\n", 1), gatewaytest.HTTP2},
	} {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			g := gatewaytest.Start(t, limited(server), w.site)
			client := w.client(t)
			subscribe := func(path string, header ...string) *gatewaytest.Stream {
				t.Helper()
				return gatewaytest.Subscribe(t, client, w.scheme+"://"+g.Addr+path, header...)
			}
			leave := func(all ...*gatewaytest.Stream) {
				t.Helper()
				for _, s := range all {
					s.Leave()
				}
				redistest.Await(t, "nobody", func() bool { return server.Channels("*:*") == 0 })
			}

			// A client's own, by the address that a trusted proxy says.
			from := func(ip string) string { return "X-Forwarded-For: " + ip }
			one, two := isIn(t, subscribe("/ip/1", from("192.0.2.1"))), isIn(t, subscribe("/ip/1", from("192.0.2.1")))
			isBusy(t, subscribe("/ip/1", from("192.0.2.1")), "subscribers_per_ip")
			six := isIn(t, subscribe("/ip/1", from("2001:db8::1")))
			seven := isIn(t, subscribe("/ip/1", from("2001:db8::2")))
			isBusy(t, subscribe("/ip/1", from("2001:db8::3")), "subscribers_per_ip")
			leave(one, two, six, seven)
			isIn(t, subscribe("/ip/1", from("192.0.2.1"))).Leave()

			// A member's: the oldest goes, and stays away for long.
			oldest, middle := isIn(t, subscribe("/member/ann")), isIn(t, subscribe("/member/ann"))
			ben := isIn(t, subscribe("/member/ben"))
			newest := isIn(t, subscribe("/member/ann"))
			oldest.Await("retry: 3600000\nevent: sse.busy\ndata: {\"reason\":\"subscribers_per_member\"}\n\n")
			if err := oldest.AwaitEnd(); err != nil {
				t.Error(err)
			}
			server.Do("PUBLISH", "member:ann", "for two")
			middle.Await("data: for two")
			newest.Await("data: for two")
			leave(middle, ben, newest)

			isIn(t, subscribe("/rate")).Leave()
			isBusy(t, subscribe("/rate"), "connect_rate")
			if ms, _ := strconv.Atoi(strings.TrimPrefix(strings.SplitN(subscribe("/rate").Text()+"retry: 7500\n", "\n", 2)[0], "retry: ")); ms < 5000 || ms > 15000 {
				t.Errorf("who is over the rate comes back after %d ms", ms)
			}

			only := isIn(t, subscribe("/refuse/1"))
			if r := subscribe("/refuse/1"); r.StatusCode != http.StatusTooManyRequests || r.Header.Get("Retry-After") == "" || r.Header.Get("Sse-Error") == "" {
				t.Errorf("%s %v", r.Status, r.Header)
			}
			leave(only)

			// All together.
			var all []*gatewaytest.Stream
			for i := range 12 {
				all = append(all, isIn(t, subscribe(fmt.Sprint("/all/", i))))
			}
			isBusy(t, subscribe("/all/another"), "channels")
			for range 8 {
				all = append(all, isIn(t, subscribe("/all/0")))
			}
			isBusy(t, subscribe("/all/0"), "subscribers")
			if r, _ := gatewaytest.Do(t, "GET", g.Admin+"/metrics", ""); r.StatusCode != http.StatusOK {
				t.Error(r.Status)
			}
			leave(all...)
			isIn(t, subscribe("/all/another"))

			// Publishing.
			published := 0
			for range 6 {
				request, _ := http.NewRequestWithContext(t.Context(), "POST", w.scheme+"://"+g.Addr+"/say", strings.NewReader("x"))
				r, err := client.Do(request)
				if err != nil {
					t.Fatal(err)
				}
				r.Body.Close()
				if r.StatusCode == http.StatusOK {
					published++
				} else if r.StatusCode != http.StatusTooManyRequests || r.Header.Get("Retry-After") == "" {
					t.Errorf("%s %v", r.Status, r.Header)
				}
			}
			if published < 3 || published > 5 {
				t.Errorf("%d of 6 were published", published)
			}
		})
	}
}

// Anyone who is refused costs nothing that stays.
func TestManyAreRefused(t *testing.T) {
	const refused = 10_000
	t.Parallel()
	server := redistest.Start(t)
	g := gatewaytest.StartForMany(t, limited(server), "http://{$ADDR} "+limitedSite)
	for range 20 {
		isIn(t, gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), "http://"+g.Addr+"/all/1"))
	}
	flood := func(n int) {
		var group sync.WaitGroup
		for range 20 {
			client := gatewaytest.HTTP1(t)
			group.Go(func() {
				for range n / 20 {
					request, _ := http.NewRequestWithContext(t.Context(), "GET", "http://"+g.Addr+"/all/1", nil)
					r, err := client.Do(request)
					if err != nil {
						t.Error(err)
						return
					}
					r.Body.Close()
				}
			})
		}
		group.Wait()
	}
	flood(refused / 10) // what is allocated only once
	before, files := memoryOf(t, g), filesOf(t, g)
	flood(refused)
	if grown := memoryOf(t, g) - before; grown > 4<<20 {
		t.Errorf("%d who were refused cost %d bytes", refused, grown)
	}
	redistest.Await(t, "all files to be closed", func() bool { return filesOf(t, g) <= files+20 })
	_, metrics := gatewaytest.Do(t, "GET", g.Admin+"/metrics", "")
	if want := fmt.Sprintf("caddy_sse_busy_total{reason=\"subscribers\"} %d\n", refused+refused/10); !strings.Contains(metrics, want) {
		t.Errorf("the metrics lack %s", want)
	}
	if r, body := gatewaytest.Do(t, "GET", "http://"+g.Addr+"/health?ready", ""); r.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("?ready is %s: %s", r.Status, body)
	}
}

// memoryOf is what the process' heap holds, after a garbage collection.
func memoryOf(t *testing.T, g *gatewaytest.Gateway) int64 {
	t.Helper()
	_, profile := gatewaytest.Do(t, "GET", g.Admin+"/debug/pprof/heap?gc=1&debug=1", "")
	_, rest, _ := strings.Cut(profile, "# HeapAlloc = ")
	var bytes int64
	if _, err := fmt.Sscan(rest, &bytes); err != nil {
		t.Fatal(err)
	}
	return bytes
}

func filesOf(t *testing.T, g *gatewaytest.Gateway) int {
	t.Helper()
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", g.PID()))
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}
