package transport

import (
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// keepBuffer is the largest buffer that a silent subscriber keeps.
const keepBuffer = 1 << 10

// A writer writes and flushes, and breaks off a write that takes too long.
//
// It goes to the writer beneath Caddy's, which set and clear a deadline at each
// write (a message to the connection's loop over HTTP/2) and put the server's
// write timeout over it, that would end every subscription. A write that
// stalls is broken off by a timer of its own instead.
type writer struct {
	w       http.ResponseWriter
	control *http.ResponseController
	buf     []byte
	written int64

	timeout time.Duration
	timer   *time.Timer
	mu      sync.Mutex
	stalled bool
	ended   bool // the handler is about to return: w is not to be touched
}

func newWriter(w http.ResponseWriter, timeout time.Duration) *writer {
	w = deepest(w)
	out := &writer{w: w, control: http.NewResponseController(w), timeout: timeout}
	// The error is that of a writer without deadlines, which needs no lifting.
	_ = out.control.SetWriteDeadline(time.Time{})
	out.timer = time.AfterFunc(time.Hour, out.breakOff)
	out.timer.Stop()
	return out
}

// LiftWriteTimeout takes the server's write timeout off a response. It is for
// answers that end, and this one may even begin later. Caddy's own writer would
// put it back with each write, so it forgets it, too.
func LiftWriteTimeout(w http.ResponseWriter, r *http.Request) {
	if _, idle := caddyhttp.IdleTimeoutsFromContext(r.Context()); idle != nil {
		idle.Deadline.HardDeadline = time.Time{}
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Time{}) // the error is that of a writer without deadlines
}

// deepest returns the writer that w wraps, all wrappers taken off: the header
// has gone through them. One that encodes the body has to stay.
func deepest(w http.ResponseWriter) http.ResponseWriter {
	if w.Header().Get("Content-Encoding") != "" {
		return w
	}
	for {
		wrapper, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return w
		}
		w = wrapper.Unwrap()
	}
}

// buffer is where to put together what is written next.
func (w *writer) buffer() []byte { return w.buf[:0] }

// pieceSize is how many bytes are written at once: a client that takes as many
// within the write timeout is slow, but not stalled.
const pieceSize = 16 << 10

func (w *writer) write(p []byte) error {
	if cap(p) <= keepBuffer {
		w.buf = p
	}
	defer w.timer.Stop()
	var err error
	for len(p) > 0 && err == nil {
		piece := p[:min(len(p), pieceSize)]
		p = p[len(piece):]
		w.timer.Reset(w.timeout)
		var n int
		n, err = w.w.Write(piece)
		w.written += int64(n)
	}
	if err == nil {
		err = w.control.Flush()
	}
	if err == nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stalled {
		return ErrStalled
	}
	return fmt.Errorf("%w: %w", ErrLeft, err)
}

func (w *writer) breakOff() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.ended {
		w.stalled = true
		_ = w.control.SetWriteDeadline(time.Unix(1, 0)) // a writer without deadlines ends with its connection
	}
}

func (w *writer) done() {
	w.timer.Stop()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = true
}
