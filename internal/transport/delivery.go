// Package transport is how frames reach one client: through its socket
// ([Socket]), or, where that cannot be had, through its http.ResponseWriter
// ([Response]). Both are outlets of the hub, and behave the same.
package transport

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/eventstream"
	"github.com/caddy-sse/caddy-sse/internal/jitter"
)

// Reasons for the end of a subscription.
var (
	ErrLeft    = errors.New("the client left")
	ErrSlow    = errors.New("too slow: more waits for the client than its limit")
	ErrStalled = errors.New("stalled: the client took nothing for too long")
	ErrOld     = errors.New("open for its longest time")
)

// Options say how subscriptions live, which share them.
type Options struct {
	// Heartbeat is after how long a silence a comment is sent; zero: never.
	Heartbeat time.Duration
	// MaxDuration is after how long the subscription ends, give or take 10 %,
	// so that those who came together do not come back together; zero: never.
	MaxDuration time.Duration
	// Retry is the reconnection time, give or take half, with which the
	// subscription ends after MaxDuration, or when more than Pending waits; zero:
	// the client keeps the one that it has.
	Retry time.Duration
	// Pending is how many bytes may wait for the client.
	Pending int
	// WriteTimeout is for how long the client may take nothing while something
	// waits for it.
	WriteTimeout time.Duration
	// Written, if there is one, counts the bytes that were.
	Written *atomic.Uint64
}

func (o *Options) wrote(n int) {
	if o.Written != nil {
		o.Written.Add(uint64(n))
	}
}

// lastFrame is what the subscription ends with: a reconnection time, and a blank
// line, without which some clients take no notice of the end.
func (o *Options) lastFrame() *eventstream.Frame {
	return eventstream.RetryFrame(jitter.Spread(o.Retry, 0.5))
}

// A Loop is the goroutine that a socket belongs to: all its methods, and
// whatever is given to Do, run there.
type Loop interface {
	Do(func())
	// Now is the time since some moment, as of when the loop last looked.
	Now() time.Duration
}

// An End is how a subscription ended.
type End struct {
	Reason error
	// Bytes is how many were written, of the body.
	Bytes int64
	// Open is how long it was open.
	Open time.Duration
}
