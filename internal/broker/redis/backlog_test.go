package redisbroker

import (
	"errors"
	"strings"
	"testing"

	"go.uber.org/zap"

	"github.com/caddy-sse/caddy-sse/internal/broker"
)

// What waits is bounded, and told when it is given up.
func TestBacklogIsBounded(t *testing.T) {
	t.Parallel()
	for name, fields := range map[string][]string{
		"events": {"data", "x"},
		"bytes":  {"data", strings.Repeat("x", 1<<20)},
	} {
		b := New(Settings{Address: "127.0.0.1:1"}, zap.NewNop)
		b.server.state.Store(away)
		done := make(chan error, maxBacklog)
		n, err := 0, error(nil)
		for ; err == nil && n <= maxBacklog; n++ {
			err = b.Enqueue("c", fields, broker.HistoryLimits{}, func(err error) { done <- err })
		}
		if want := map[string]int{"events": maxBacklog, "bytes": 15}[name]; n-1 != want || !errors.Is(err, broker.ErrBacklogFull) {
			t.Errorf("%s: %d wait, then %v", name, n-1, err)
		}
		b.Close()
		for range n - 1 {
			if err := <-done; !errors.Is(err, broker.ErrClosed) {
				t.Fatal(err)
			}
		}
		if b.Backlog() > 0 || b.Enqueue("c", fields, broker.HistoryLimits{}, nil) == nil {
			t.Error("it goes on after the end")
		}
	}
}
