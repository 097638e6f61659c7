package blackbox_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// A Redis that loads its data from disk, which takes it as long as it takes, costs
// nobody a gap: not those who are connected, nor those who come back meanwhile, nor
// those who are new; and when it is ready, it is read at once.
func TestLoading(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--key-load-delay", "5000", "--loading-process-events-interval-bytes", "1024")
	server.Add("chat", "1-0", "before")
	server.Add("chat", "2-0", "missed")
	many := []any{"MSET"}
	for i := range 800 {
		many = append(many, fmt.Sprint("key", i), strings.Repeat("x", 1100))
	}
	server.Do(many...)
	g := gatewaytest.Start(t, gatewaytest.RedisOption(server), resumeSite)
	connected := gatewaytest.ComeBack(t, g, "/h/chat", "1-0")
	connected.Await("data: missed\n\n")
	server.Do("SAVE")
	server.Kill()
	ready := make(chan struct{})
	go func() {
		defer close(ready)
		server.Restart()
	}()
	client := server.Client(func(o *redis.Options) { o.MaxRetries = -1 })
	redistest.Await(t, "the loading", func() bool { return redis.HasErrorPrefix(client.Get(t.Context(), "key1").Err(), "LOADING") })
	back, newcomer := gatewaytest.ComeBack(t, g, "/h/chat", "1-0"), gatewaytest.ComeBack(t, g, "/last/chat", "")
	<-ready
	began := time.Now()
	server.Add("chat", "3-0", "after")
	for name, s := range map[string]*gatewaytest.Stream{"who is connected": connected, "who comes back": back, "who is new": newcomer} {
		s.AwaitData("data: missed\n\ndata: after\n\n")
		if took := time.Since(began); took > 5*time.Second || strings.Contains(s.Text(), "sse.gap") {
			t.Errorf("%s gets, after %s: %s", name, took, s.Text())
		}
	}
}
