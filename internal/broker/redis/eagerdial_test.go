package redisbroker

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A connection is tried again beside the first try, since a packet that is lost
// takes TCP a second or more to send again; and nothing of those is left.
func TestDialEagerly(t *testing.T) {
	t.Parallel()
	var open atomic.Int32
	stuck := func(ctx context.Context) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	answered := func(context.Context) (net.Conn, error) {
		open.Add(1)
		return counted{open: &open}, nil
	}
	refused := func(context.Context) (net.Conn, error) { return nil, errors.New("refused") }
	for name, test := range map[string]struct {
		tries []func(context.Context) (net.Conn, error)
		limit time.Duration
		want  string
		took  time.Duration
	}{
		"at once":       {[]func(context.Context) (net.Conn, error){answered}, 3 * time.Second, "", 0},
		"refused":       {[]func(context.Context) (net.Conn, error){refused}, 3 * time.Second, "refused", 0},
		"second":        {[]func(context.Context) (net.Conn, error){stuck, answered}, 3 * time.Second, "", dialAgain},
		"third":         {[]func(context.Context) (net.Conn, error){stuck, stuck, answered}, 3 * time.Second, "", 2 * dialAgain},
		"third refused": {[]func(context.Context) (net.Conn, error){stuck, stuck, refused}, 3 * time.Second, "refused", 2 * dialAgain},
		"never":         {[]func(context.Context) (net.Conn, error){stuck}, 3 * dialAgain / 2, context.DeadlineExceeded.Error(), 3 * dialAgain / 2},
	} {
		synctest.Test(t, func(t *testing.T) { // which ends when all tries have ended
			ctx, cancel := context.WithTimeout(t.Context(), test.limit)
			defer cancel()
			var tries atomic.Int32
			began := time.Now()
			c, err := dialEagerly(ctx, func(ctx context.Context, _, _ string) (net.Conn, error) {
				n := min(int(tries.Add(1)), len(test.tries))
				return test.tries[n-1](ctx)
			}, "tcp", "")
			took := time.Since(began)
			got := ""
			if err != nil {
				got = err.Error()
			} else {
				c.Close()
			}
			if got != test.want || took != test.took {
				t.Errorf("%s: %q after %s", name, got, took)
			}
		})
		if n := open.Load(); n != 0 {
			t.Errorf("%s: %d connections are left open", name, n)
		}
	}
}

type counted struct {
	net.Conn
	open *atomic.Int32
}

func (c counted) Close() error { c.open.Add(-1); return nil }
