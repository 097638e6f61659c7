package blackbox_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/time/rate"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

const slowSite = `http://{$ADDR} {
	sse_subscribe /h/* {path.1} {
		history max 20000
	}
	sse_subscribe /newest/* {path.1} {
		history last 100
	}
}`

// fillHistory adds n entries of size bytes, 1-0 and on.
func fillHistory(t *testing.T, server *redistest.Server, channel string, n, size int) {
	t.Helper()
	client := server.Client(func(o *redis.Options) { o.WriteTimeout, o.ReadTimeout = time.Minute, time.Minute })
	data := strings.Repeat("x", size)
	for i := 0; i < n; {
		pipe := client.Pipeline()
		for range 50 {
			i++
			pipe.Do(t.Context(), "XADD", channel, fmt.Sprint(i, "-0"), "data", data)
		}
		if _, err := pipe.Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// Over a link of 100 Mbit/s one who has missed 64 MiB gets all of it, and others of
// the channel get theirs meanwhile.
func TestReplayOverASlowLink(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	l := redistest.StartProxy(t, server.Addr)
	l.Limit(100_000_000 / 8)
	fillHistory(t, server, "large", 1000, 64<<10)
	g := gatewaytest.StartForMany(t, "\tsse {\n\t\tredis "+l.Addr+"\n\t\tdrain 0\n\t}", slowSite)
	live := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), "http://"+g.Addr+"/h/large")
	live.Await("id: 1000-0")
	far := read(t, g, "/h/large", "1-0", 0)
	newest := read(t, g, "/newest/large", "", 0)
	redistest.Await(t, "the replay to begin", func() bool { return far.bytes.Load() > 1<<20 })
	near := read(t, g, "/h/large", "998-0", 0)
	server.Do("XADD", "large", "1001-0", "data", "news")
	live.Await("data: news")
	redistest.Await(t, "two entries and the news", func() bool { return near.bytes.Load() > 2*64<<10 })
	if far.bytes.Load() > 999*64<<10 {
		t.Error("others have waited for the one who is far back")
	}
	for progress := int64(-1); far.bytes.Load() <= 999*64<<10 || newest.bytes.Load() <= 100*64<<10; {
		// However long it takes on a machine that does other things, too.
		redistest.Await(t, fmt.Sprintf("more than %d and %d bytes", far.bytes.Load(), newest.bytes.Load()), func() bool {
			return far.bytes.Load()+newest.bytes.Load() > progress
		})
		progress = far.bytes.Load() + newest.bytes.Load()
	}
	far.await(t, "id: 1001-0\ndata: news\n\n")
	newest.await(t, "id: 1001-0\ndata: news\n\n")
	for _, r := range []*reader{far, newest, near} {
		if r.gaps.Load() > 0 {
			t.Errorf("gaps: %d", r.gaps.Load())
		}
	}
	delivered := far.bytes.Load() + newest.bytes.Load() + near.bytes.Load()
	if sent := l.Sent(); sent > 2*delivered {
		t.Errorf("redis sent %d MiB for %d MiB that were delivered", sent>>20, delivered>>20)
	} else {
		t.Logf("redis sent %d MiB for %d MiB that were delivered", sent>>20, delivered>>20)
	}
}

// Eight slow readers, each of a history of its own of 64 MB, cost Redis and the
// memory what they take.
func TestSlowReadersOfLargeHistories(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	for i := range 8 {
		fillHistory(t, server, fmt.Sprint("large", i), 1000, 65_000)
	}
	l := redistest.StartProxy(t, server.Addr)
	g := gatewaytest.StartForMany(t, "\tsse {\n\t\tredis "+l.Addr+"\n\t\tdrain 0\n\t\tmemory 16MiB\n\t}", slowSite)
	before := g.RSS()
	var readers []*reader
	for i := range 8 {
		readers = append(readers, read(t, g, fmt.Sprint("/h/large", i), "1-0", 500_000))
	}
	delivered := func() (all int64) {
		for _, r := range readers {
			all += r.bytes.Load()
		}
		return all
	}
	redistest.Await(t, "24 MB", func() bool { return delivered() > 24_000_000 })
	sent, got, grown := l.Sent(), delivered(), g.RSS()-before
	t.Logf("redis sent %d MB for %d MB that were delivered; the gateway grew by %d MiB", sent/1e6, got/1e6, grown>>20)
	// What lies in the sockets' buffers is on its way.
	if const8 := int64(8 * 700_000); sent > 2*got+const8 {
		t.Errorf("redis sent %d MB for %d MB", sent/1e6, got/1e6)
	}
	if grown > 100<<20 {
		t.Errorf("the gateway grew by %d MiB", grown>>20)
	}
	for _, r := range readers {
		if r.gaps.Load() > 0 {
			t.Error("a reader is told of a gap")
		}
	}
}

// A reader reads a subscription at a rate, and keeps the end of it.
type reader struct {
	bytes, gaps atomic.Int64
	mu          sync.Mutex
	end         string
}

// read subscribes, and reads so many bytes a second, or as many as come.
func read(t *testing.T, g *gatewaytest.Gateway, path, id string, perSecond int) *reader {
	t.Helper()
	conn, err := net.Dial("tcp", g.Addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if perSecond > 0 {
		_ = conn.(*net.TCPConn).SetReadBuffer(64 << 10) // it would only take longer
	}
	fmt.Fprintf(conn, "GET %s HTTP/1.0\r\nHost: %s\r\nAccept: text/event-stream\r\n", path, g.Addr)
	if id != "" {
		fmt.Fprintf(conn, "Last-Event-ID: %s\r\n", id)
	}
	_, _ = io.WriteString(conn, "\r\n")
	r := new(reader)
	go func() {
		buf := make([]byte, 8<<10)
		pace := rate.NewLimiter(rate.Limit(perSecond), len(buf))
		for {
			n, err := conn.Read(buf)
			if err != nil {
				return
			}
			r.mu.Lock()
			r.end += string(buf[:n])
			r.gaps.Add(int64(strings.Count(r.end, "sse.gap")))
			r.end = strings.ReplaceAll(r.end[max(0, len(r.end)-200):], "sse.gap", "a gap")
			r.mu.Unlock()
			r.bytes.Add(int64(n))
			if perSecond > 0 {
				_ = pace.WaitN(context.Background(), n) // it fails for what is more than buf alone
			}
		}
	}()
	return r
}

func (r *reader) await(t *testing.T, text string) {
	t.Helper()
	redistest.Await(t, text, func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return strings.Contains(r.end, text)
	})
}
