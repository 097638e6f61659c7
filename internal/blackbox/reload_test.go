package blackbox_test

import (
	"fmt"
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

// A reload keeps the connection to Redis, and nobody misses an event.
func TestReloadKeepsSubscribers(t *testing.T) {
	sites := `http://{$ADDR} {
	sse_subscribe /events chat:1
}`
	g, server := gatewaytest.StartWithRedis(t, sites)
	s := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), "http://"+g.Addr+"/events")
	for i := range 3 {
		g.Reload(gatewaytest.RedisOption(server), sites)
		server.Do("PUBLISH", "chat:1", fmt.Sprint("after reload ", i))
		s.Await(fmt.Sprint("data: after reload ", i, "\n\n"))
	}
	g.Reload("", sites+"\n# another redis")
	if err := s.AwaitEnd(); err != nil {
		t.Errorf("it did not end cleanly: %v", err)
	}
	g.Stop()
}

func TestCaddyStop(t *testing.T) {
	g, _ := gatewaytest.StartWithRedis(t, `http://{$ADDR} {
	sse_subscribe /events chat:1
}`)
	s := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), "http://"+g.Addr+"/events")
	gatewaytest.Do(t, "POST", g.Admin+"/stop", "")
	g.AwaitEnd()
	if err := s.AwaitEnd(); err != nil {
		t.Errorf("it did not end cleanly: %v", err)
	}
}

func TestReloadCutsNobody(t *testing.T) {
	sites := `http://{$ADDR} {
	sse_subscribe /events a
}`
	for grace, n := range map[string]int{"": 3000, "\tgrace_period 1s\n": 500} {
		t.Run(fmt.Sprint(n, grace), func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			options := grace + gatewaytest.RedisOption(server)
			run := gatewaytest.Start
			if n > 1000 {
				run = gatewaytest.StartForMany
			}
			g := run(t, options, sites)
			client := gatewaytest.HTTP1(t)
			streams := make([]*gatewaytest.Stream, n)
			var all sync.WaitGroup
			for worker := range 8 {
				all.Go(func() {
					for i := worker; i < n; i += 8 {
						streams[i] = gatewaytest.Subscribe(t, client, "http://"+g.Addr+"/events")
					}
				})
			}
			all.Wait()
			stop := make(chan struct{})
			sent := make(chan string)
			go func() {
				var want strings.Builder
				redis := server.Client()
				for i := 0; ; i++ {
					select {
					case <-stop:
						sent <- want.String()
						return
					case <-time.After(50 * time.Millisecond):
						redis.Publish(t.Context(), "a", i)
						fmt.Fprintf(&want, "data: %d\n\n", i)
					}
				}
			}()
			g.Reload(options, sites)
			files, routines := descriptors(t, g), goroutines(t, g)
			for range 9 {
				g.Reload(options, sites)
			}
			close(stop)
			want := <-sent
			for _, s := range streams {
				s.AwaitData(want)
			}
			redistest.Await(t, "no growth", func() bool { return descriptors(t, g) <= files+3 && goroutines(t, g) <= routines+5 })
			if channels := server.Listeners("a"); channels != 1 {
				t.Errorf("%d connections listen", channels)
			}
		})
	}
}

// Over HTTP/2 and HTTP/3, too, a subscriber goes on after a reload: what ends it
// is its client, or grace_period over HTTP/3.
func TestReloadEveryWay(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	sites := `https://{$ADDR} {
	tls internal
	sse_subscribe /events a
}`
	g := gatewaytest.Start(t, gatewaytest.RedisOption(server), sites)
	var streams []*gatewaytest.Stream
	for _, client := range []*http.Client{gatewaytest.HTTP1(t), gatewaytest.HTTP2(t), http3Client(t)} {
		streams = append(streams, gatewaytest.Subscribe(t, client, "https://"+g.Addr+"/events"))
	}
	for i := range 3 {
		g.Reload(gatewaytest.RedisOption(server), sites)
		server.Do("PUBLISH", "a", fmt.Sprint("after reload ", i))
		for _, s := range streams {
			s.Await(fmt.Sprint("data: after reload ", i, "\n\n"))
		}
	}
	g.Reload("\tgrace_period 1s\n"+gatewaytest.RedisOption(server), sites)
	server.Do("PUBLISH", "a", "last")
	for _, s := range streams {
		s.Await("data: last\n\n")
	}
}

// descriptors is how many files the gateway has open.
func descriptors(t *testing.T, g *gatewaytest.Gateway) int {
	t.Helper()
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", g.PID()))
	if err != nil {
		t.Skip("there is no /proc here")
	}
	return len(entries)
}

// watched is how many sockets the gateway's epoll instances watch.
func watched(t *testing.T, g *gatewaytest.Gateway) int {
	t.Helper()
	paths, err := filepath.Glob(fmt.Sprintf("/proc/%d/fdinfo/*", g.PID()))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, path := range paths {
		if info, err := os.ReadFile(path); err == nil { // it may be closed by now
			n += strings.Count(string(info), "tfd:")
		}
	}
	return n
}

// Caddy's end is spread, and the last thing that each subscriber hears is when
// to come back, somewhere.
func TestDrain(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	g := gatewaytest.Start(t, "\tservers {\n\t\tprotocols h1 h2c\n\t}\n\tsse {\n\t\tredis "+server.Addr+"\n\t\tdrain 2s\n\t}", `http://{$ADDR} {
	sse_subscribe /events a
}`)
	var streams []*gatewaytest.Stream
	for i := range 40 {
		client := gatewaytest.HTTP1(t)
		if i%4 == 0 {
			client = gatewaytest.H2C(t)
		}
		streams = append(streams, gatewaytest.Subscribe(t, client, "http://"+g.Addr+"/events"))
	}
	began := time.Now()
	ended := make([]time.Duration, len(streams))
	var all sync.WaitGroup
	for i, s := range streams {
		all.Go(func() {
			if err := s.AwaitEnd(); err != nil {
				t.Errorf("it did not end cleanly: %v", err)
			}
			ended[i] = time.Since(began)
		})
	}
	g.Stop()
	all.Wait()
	first, last := slices.Min(ended), slices.Max(ended)
	if last-first < time.Second {
		t.Errorf("all ended within %s", last-first)
	}
	var early, late int
	for _, d := range ended {
		if d < (first+last)/2 {
			early++
		} else {
			late++
		}
	}
	if early < 5 || late < 5 {
		t.Errorf("%d ended in the first half of the drain, %d in the second", early, late)
	}
	retries := make(map[string]bool)
	for _, s := range streams {
		lines := strings.Split(strings.TrimSpace(s.Text()), "\n")
		last := lines[len(lines)-1]
		if ms, err := strconv.Atoi(strings.TrimPrefix(last, "retry: ")); err != nil || ms < 1500 || ms > 4500 {
			t.Errorf("the last line is %q", last)
		}
		retries[last] = true
	}
	if len(retries) < 10 {
		t.Errorf("there are only %d reconnection times", len(retries))
	}
}
