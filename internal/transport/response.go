package transport

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/eventstream"
)

var responseInfo = &Info{Name: "response", Bytes: 96 << 10, Files: 1}

// A response delivers through an http.ResponseWriter, as HTTP/2 and HTTP/3
// need. What is sent waits in a queue that [response.Serve], the only one to
// write, empties.
type response struct {
	*subscription
	wake chan struct{} // holds a token while there is something to do

	mu      sync.Mutex
	queue   []*eventstream.Frame
	pending int
	waiting []func() // for the queue to be written
	closed  error
}

func openResponse(s *subscription) (Delivery, error) {
	if err := http.NewResponseController(s.w).Flush(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrLeft, err)
	}
	return &response{subscription: s, wake: make(chan struct{}, 1)}, nil
}

// Info implements [Delivery].
func (*response) Info() *Info { return responseInfo }

// Outlet implements [Delivery].
func (r *response) Outlet(Loop) Outlet { return r }

// Send queues a frame. Past the limit of pending bytes the subscription is
// closed: its client comes back, and a slow one costs no more than its limit.
func (r *response) Send(f *eventstream.Frame) {
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
func (r *response) Flush() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Waiting is how many bytes are not written yet.
func (r *response) Waiting() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.pending
}

// WhenWritten calls f when Serve has written what was sent before.
func (r *response) WhenWritten(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting = append(r.waiting, f)
}

// Close ends the subscription once what is queued is written.
func (r *response) Close(reason error) {
	r.mu.Lock()
	if r.closed == nil {
		r.closed = reason
	}
	r.mu.Unlock()
	r.Flush()
}

// takeAtMost is how many bytes [response.Serve] takes off the queue at once, but
// for a frame that is longer: what waits behind them is not copied yet.
const takeAtMost = 64 << 10

// take takes the first frames off the queue, appending their bytes to buf. If
// these were all, done: when they are written, those are to be called who have
// waited for it, and the subscription may be closed.
func (r *response) take(buf []byte) (_ []byte, done bool, waiting []func(), closed error) {
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
// over. The response's header is out by then. One that is not whole it breaks off as
// net/http does: it panics with [http.ErrAbortHandler].
func (r *response) Serve() {
	reason := r.serveAll()
	if errors.Is(reason, ErrLeft) || r.options.isWhole(reason) {
		return
	}
	if r.r.ProtoMajor == 3 {
		select {
		case <-time.After(arrivalTime):
		case <-r.r.Context().Done():
		}
	}
	panic(http.ErrAbortHandler)
}

// arrivalTime is how long what was written over HTTP/3 has to arrive before the response is
// broken off: a QUIC stream that is reset sends nothing again that was lost, and not even
// what it has not sent yet (RFC 9000, section 3.1).
const arrivalTime = 500 * time.Millisecond

// serveAll returns why it is over.
func (r *response) serveAll() error {
	began, ctx := time.Now(), r.r.Context()
	end := End{Reason: ErrLeft} // if the writer panics
	defer func() { r.ended(end) }()
	r.options.limitUnacknowledgedOf(ctx)
	out := newWriter(r.w, r.options.WriteTimeout)
	defer out.done()
	reason := r.serve(ctx, out)
	end = End{Reason: reason, Bytes: out.written, Open: time.Since(began)}
	return reason
}

func (r *response) serve(ctx context.Context, out *writer) error {
	beat := newTimer(r.options.Heartbeat)
	defer beat.Stop()
	old := newTimer(r.options.longest())
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
			r.Send(r.options.beat())
		case <-old.C:
			r.Send(r.options.lastFrame())
			r.Close(r.options.whyEnded())
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
