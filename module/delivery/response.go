// Package delivery is how frames reach one client.
package delivery

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/caddy-sse/caddy-sse/module/eventstream"
)

// Reasons for the end of a subscription.
var (
	ErrSlow    = errors.New("too slow: more waits for the client than its limit")
	ErrStalled = errors.New("stalled: the client took nothing for too long")
	ErrOld     = errors.New("open for its longest time")
)

// Options say how a subscription lives.
type Options struct {
	// Heartbeat is after how long a silence a comment is sent; zero: never.
	Heartbeat time.Duration
	// MaxDuration is after how long the subscription ends, give or take 10 %,
	// so that those who came together do not come back together; zero: never.
	MaxDuration time.Duration
	// Pending is how many bytes may wait for the client.
	Pending int
	// WriteTimeout is how long one write may take.
	WriteTimeout time.Duration
}

// A Response delivers through an http.ResponseWriter. What is sent waits in a
// queue that [Response.Serve], the only one to write, empties.
type Response struct {
	options Options
	wake    chan struct{} // holds a token while there is something to do

	mu      sync.Mutex
	queue   []*eventstream.Frame
	pending int
	closed  error
}

// NewResponse makes an outlet that nothing has been sent to.
func NewResponse(o Options) *Response {
	return &Response{options: o, wake: make(chan struct{}, 1)}
}

// Send queues a frame. Past the limit of pending bytes the subscription is
// closed: its client comes back, and a slow one costs no more than its limit.
func (r *Response) Send(f *eventstream.Frame) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.closed != nil:
		return
	case r.pending > 0 && r.pending+f.Len() > r.options.Pending:
		r.queue, r.closed = nil, ErrSlow
	default:
		r.queue = append(r.queue, f)
		r.pending += f.Len()
	}
	r.wakeUp()
}

// Close ends the subscription once what is queued is written.
func (r *Response) Close(reason error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed == nil {
		r.closed = reason
		r.wakeUp()
	}
}

func (r *Response) wakeUp() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// take empties the queue, appending its bytes to buf.
func (r *Response) take(buf []byte) ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range r.queue {
		buf = append(buf, f.Bytes()...)
	}
	clear(r.queue)
	r.queue, r.pending = r.queue[:0], 0
	return buf, r.closed
}

// Serve writes what is sent, all that waits in one write and one flush, until
// the outlet is closed, the client leaves or stalls, or the longest time is
// over, and returns which. The response's header is out by then.
func (r *Response) Serve(ctx context.Context, w http.ResponseWriter) error {
	out := newWriter(w, r.options.WriteTimeout)
	defer out.done()

	beat := newTimer(r.options.Heartbeat)
	defer beat.Stop()
	old := newTimer(spread(r.options.MaxDuration, 0.1))
	defer old.Stop()

	for {
		bytes, closed := r.take(out.buffer())
		if len(bytes) > 0 {
			if err := out.write(bytes); err != nil {
				return err
			}
			if r.options.Heartbeat > 0 {
				beat.Reset(r.options.Heartbeat)
			}
		}
		if closed != nil {
			return closed
		}
		select {
		case <-r.wake:
		case <-beat.C:
			r.Send(eventstream.Heartbeat)
		case <-old.C:
			r.Close(ErrOld)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// newTimer returns a timer that never fires if d is zero.
func newTimer(d time.Duration) *time.Timer {
	t := time.NewTimer(d)
	if d <= 0 {
		t.Stop()
	}
	return t
}

// spread moves d at random by up to the fraction f of it, either way.
func spread(d time.Duration, f float64) time.Duration {
	return time.Duration(float64(d) * (1 - f + 2*f*rand.Float64()))
}
