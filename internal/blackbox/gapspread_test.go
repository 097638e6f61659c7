package blackbox_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// spreadOption is the global option with gaps spread over that time.
func spreadOption(server *redistest.Server, spread string) string {
	return "\tsse {\n\t\tredis " + server.Addr + "\n\t\tdrain 0\n\t\tgap_spread " + spread + "\n\t}"
}

const spreadSite = `http://{$ADDR} {
	sse_subscribe /three a:{query.n} b:{query.n} shared
	sse_subscribe /one shared
}`

// A gapped is a page that notes what gaps it is told of, and when.
type gapped struct {
	mu    sync.Mutex
	gaps  []string // their data
	at    time.Time
	ready bool
}

func (g *gapped) listen(ctx context.Context, client *http.Client, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	request.Header.Set("Accept", "text/event-stream")
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		g.mu.Lock()
		switch line := lines.Text(); {
		case strings.HasPrefix(line, "id: "):
			g.ready = true
		case line == "event: sse.gap":
			g.at = time.Now()
		case strings.HasPrefix(line, "data: {\"channel\""):
			g.gaps = append(g.gaps, line)
		}
		g.mu.Unlock()
	}
	return nil
}

func (g *gapped) isReady() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.ready
}

func (g *gapped) told() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.gaps)
}

// One fault of Redis is one gap for each page, whatever the number of its channels,
// and the pages are told one after another, since each then loads again what it shows.
func TestGapsAreSpread(t *testing.T) {
	t.Parallel()
	const pages, spread = 500, time.Second
	server := redistest.Start(t)
	g := gatewaytest.StartForMany(t, spreadOption(server, spread.String()), spreadSite)
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel()
	client := gatewaytest.HTTP1(t)
	var everyone []*gapped
	for i := range pages {
		page := new(gapped)
		everyone = append(everyone, page)
		path := "/one"
		if i%10 > 0 {
			path = fmt.Sprint("/three?n=", i)
		}
		if i%25 == 24 {
			// A page that opens in a crowd on a slow machine would be told of a gap at its
			// start: the gateway waits for its channels for a limited time only.
			redistest.Await(t, "the pages before", func() bool {
				return !slices.ContainsFunc(everyone[:i], func(p *gapped) bool { return !p.isReady() })
			})
		}
		all.Go(func() {
			if err := page.listen(ctx, client, "http://"+g.Addr+path); err != nil {
				t.Error(err)
			}
		})
	}
	isEveryone := func(f func(*gapped) bool) func() bool {
		return func() bool { return !slices.ContainsFunc(everyone, func(p *gapped) bool { return !f(p) }) }
	}
	redistest.Await(t, "the pages", isEveryone((*gapped).isReady))

	began := time.Now()
	server.Do("CLIENT", "KILL", "TYPE", "pubsub")
	redistest.Await(t, "a gap for everyone", isEveryone(func(p *gapped) bool { return p.told() > 0 }))
	time.Sleep(spread / 4) // in which nothing more may come
	var first, last time.Time
	within := make(map[int]int)
	for i, p := range everyone {
		p.mu.Lock()
		want := []string{"shared"}
		if i%10 > 0 {
			want = []string{fmt.Sprint("a:", i), fmt.Sprint("b:", i), "shared"}
		}
		for _, c := range want {
			if len(p.gaps) != 1 || strings.Count(p.gaps[0][strings.Index(p.gaps[0], `"channels"`):], `"`+c+`"`) != 1 {
				t.Fatalf("page %d was told %q", i, p.gaps)
			}
		}
		if first.IsZero() || p.at.Before(first) {
			first = p.at
		}
		if p.at.After(last) {
			last = p.at
		}
		within[int(p.at.Sub(began)/(spread/10))]++
		p.mu.Unlock()
	}
	t.Logf("the first page was told after %s, the last after %s; in each tenth of the spread: %v", first.Sub(began), last.Sub(began), within)
	if first.Sub(began) < spread/5 || last.Sub(first) < spread/2 {
		t.Errorf("the pages were told from %s to %s after the fault", first.Sub(began), last.Sub(began))
	}
	for tenth, n := range within {
		if n > pages/3 {
			t.Errorf("%d pages were told in the tenth %d", n, tenth)
		}
	}
	g.AwaitMetric(`gaps_total{reason="unknown"}`, 500)
}

// Who is cut off between the fault and its gap comes back with the ID that it had
// before, and is told at once.
func TestCutOffBeforeTheGap(t *testing.T) {
	for name, client := range map[string]func(testing.TB) *http.Client{"HTTP/1.1": gatewaytest.HTTP1, "HTTP/2": gatewaytest.H2C} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			g := gatewaytest.Start(t, "\tservers {\n\t\tprotocols h1 h2c\n\t}\n"+spreadOption(server, "1h"), spreadSite)
			for _, path := range []string{"/one", "/three?n=1"} {
				s := gatewaytest.Subscribe(t, client(t), "http://"+g.Addr+path)
				server.Do("PUBLISH", "shared", "before")
				s.Await("data: before\n\n")
				id := s.NewestID()
				server.Do("CLIENT", "KILL", "TYPE", "pubsub")
				redistest.Await(t, "the end of the connection", func() bool { return server.Listeners("shared") == 0 })
				server.Do("PUBLISH", "shared", "missed")
				redistest.Await(t, "the next connection", func() bool { return server.Listeners("shared") == 1 })
				redistest.Await(t, "an event after it", func() bool {
					server.Do("PUBLISH", "shared", "after")
					return strings.Contains(s.Text(), "\n\ndata: after\n\n")
				})
				if s.NewestID() != id || strings.Contains(s.Text(), "sse.gap") {
					t.Fatalf("before the gap came %q", s.Text())
				}
				s.Leave()
				back := gatewaytest.Subscribe(t, client(t), "http://"+g.Addr+path, "Last-Event-ID: "+id)
				back.Await(`event: sse.gap` + "\n" + `data: {"channel":"`)
				if text := back.Text(); strings.Count(text, "sse.gap") != 1 || !strings.Contains(text, `"reason":"unknown","from":"`+id+`"`) || !strings.Contains(text, `"shared"`) {
					t.Errorf("it is told %q", text)
				}
			}
		})
	}
}
