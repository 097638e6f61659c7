package transport

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/eventstream"
	"github.com/caddy-sse/caddy-sse/internal/jitter"
)

// A Response delivers through an http.ResponseWriter, as HTTP/2 and HTTP/3
// need. What is sent waits in a queue that [Response.Serve], the only one to
// write, empties.
type Response struct {
	options *Options
	wake    chan struct{} // holds a token while there is something to do

	mu      sync.Mutex
	queue   []*eventstream.Frame
	pending int
	waiting []func() // for the queue to be written
	closed  error
}

// NewResponse makes an outlet that nothing has been sent to.
func NewResponse(o *Options) *Response {
	return &Response{options: o, wake: make(chan struct{}, 1)}
}

// Send queues a frame. Past the limit of pending bytes the subscription is
// closed: its client comes back, and a slow one costs no more than its limit.
func (r *Response) Send(f *eventstream.Frame) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.closed != nil:
	case r.pending > 0 && r.pending+f.Len() > r.options.Pending:
		last := r.options.lastFrame()
		r.queue, r.pending, r.closed = []*eventstream.Frame{last}, last.Len(), ErrSlow
	default:
		r.queue = append(r.queue, f)
		r.pending += f.Len()
	}
}

// Flush has Serve write what was sent.
func (r *Response) Flush() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Waiting is how many bytes are not written yet.
func (r *Response) Waiting() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.pending
}

// WhenWritten calls f when Serve has written what was sent before.
func (r *Response) WhenWritten(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting = append(r.waiting, f)
}

// Close ends the subscription once what is queued is written.
func (r *Response) Close(reason error) {
	r.mu.Lock()
	if r.closed == nil {
		r.closed = reason
	}
	r.mu.Unlock()
	r.Flush()
}

// takeAtMost is how many bytes [Response.Serve] takes off the queue at once, but
// for a frame that is longer: what waits behind them is not copied yet.
const takeAtMost = 64 << 10

// take takes the first frames off the queue, appending their bytes to buf. If
// these were all, done: when they are written, those are to be called who have
// waited for it, and the subscription may be closed.
func (r *Response) take(buf []byte) (_ []byte, done bool, waiting []func(), closed error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for ; n < len(r.queue) && (n == 0 || len(buf)+r.queue[n].Len() <= takeAtMost); n++ {
		buf = append(buf, r.queue[n].Bytes()...)
		r.pending -= r.queue[n].Len()
	}
	kept := copy(r.queue, r.queue[n:])
	clear(r.queue[kept:])
	r.queue = r.queue[:kept]
	if kept > 0 {
		return buf, false, nil, nil
	}
	waiting, r.waiting = r.waiting, nil
	return buf, true, waiting, r.closed
}

// Serve writes what is sent, all that waits in one flush, until
// the outlet is closed, the client leaves or stalls, or the longest time is
// over. The response's header is out by then.
func (r *Response) Serve(ctx context.Context, w http.ResponseWriter) End {
	began := time.Now()
	r.options.limitUnacknowledgedOf(ctx)
	out := newWriter(w, r.options.WriteTimeout)
	defer out.done()
	reason := r.serve(ctx, out)
	return End{Reason: reason, Bytes: out.written, Open: time.Since(began)}
}

func (r *Response) serve(ctx context.Context, out *writer) error {
	beat := newTimer(r.options.Heartbeat)
	defer beat.Stop()
	old := newTimer(jitter.Spread(r.options.MaxDuration, 0.1))
	defer old.Stop()

	for {
		bytes, done, waiting, closed := r.take(out.buffer())
		if len(bytes) > 0 {
			if err := out.write(bytes); err != nil {
				return err
			}
			r.options.wrote(len(bytes))
			if r.options.Heartbeat > 0 {
				beat.Reset(r.options.Heartbeat)
			}
		}
		if !done {
			continue
		}
		for _, f := range waiting {
			f()
		}
		if closed != nil {
			return closed
		}
		select {
		case <-r.wake:
		case <-beat.C:
			r.Send(eventstream.Heartbeat)
		case <-old.C:
			r.Send(r.options.lastFrame())
			r.Close(ErrOld)
		case <-ctx.Done():
			return ErrLeft
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
