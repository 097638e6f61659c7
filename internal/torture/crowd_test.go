package torture

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A crowd is all subscribers of a run.
type crowd struct {
	deliveries atomic.Int64
	visits     atomic.Int64
	// calm says that nobody is to cut a connection any more.
	calm atomic.Bool

	report *report
	end    context.CancelFunc
	all    sync.WaitGroup
}

func gather(t *testing.T, r *report, subscribers []*subscriber) *crowd {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	c := &crowd{report: r, end: cancel}
	t.Cleanup(c.leave)
	for _, s := range subscribers {
		c.all.Go(func() { s.follow(ctx, c) })
	}
	return c
}

// leave ends all connections, and returns when nobody listens.
func (c *crowd) leave() {
	c.end()
	c.all.Wait()
}

// failed takes the end of a connection that its subscriber did not want. A
// gateway may go away, or be unable to answer for now; it may not refuse.
func (c *crowd) failed(path string, err error) {
	var r refusal
	if errors.As(err, &r) && r.status < 500 {
		c.report.add(refused, path, "%v", err)
	}
}

// await waits until the condition holds, for so long, and reports whether it
// does.
func await(limit time.Duration, holds func() bool) bool {
	deadline := time.After(limit)
	poll := time.NewTicker(50 * time.Millisecond)
	defer poll.Stop()
	for !holds() {
		select {
		case <-poll.C:
		case <-deadline:
			return false
		}
	}
	return true
}
