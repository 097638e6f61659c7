package transport

import (
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/caddy-sse/caddy-sse/internal/http2"
)

// takeTimeout is for how long a stream is awaited that is to be taken over.
const takeTimeout = 5 * time.Second

// A takenStream is a stream that was taken over from the HTTP/2 server.
type takenStream struct {
	stream  *http2.Taken
	options *Options
	ended   func(End)
}

// openHTTP2 takes the response's stream over, where the listener wrapper has put a session
// around the connection.
func openHTTP2(s *subscription) (Delivery, error) {
	if s.r.ProtoMajor != 2 {
		return nil, nil
	}
	conn := connOf(s.r)
	session := http2.Of(conn)
	if session == nil {
		if s.r.TLS != nil && http2.IsUsed() {
			warnOfNoSession(conn)
		}
		return nil, nil
	}
	if h := s.w.Header(); h.Get("Content-Encoding") != "" || h.Get("Trailer") != "" {
		return nil, nil // a handler has more to do with the body
	}
	claim := session.Claim()
	if claim == nil {
		return nil, nil
	}
	out := newWriter(s.w, s.options.WriteTimeout)
	err := out.write(claim.Marker())
	out.done()
	if err != nil {
		return nil, err
	}
	stream := claim.Wait(s.r.Context(), takeTimeout)
	switch {
	case stream != nil:
	case s.r.Context().Err() != nil:
		return nil, ErrLeft
	default:
		warnOfNoStream()
		return nil, nil
	}
	session.Control(s.options.limitUnacknowledged)
	return &takenStream{stream, s.options, s.ended}, nil
}

// Parked is how many connections of HTTP/2 have subscribers alone, so that no server serves
// them at the time.
func Parked() int { return http2.Parked() }

// hasSession reports whether the listener wrapper has put one around the connection.
func hasSession(r *http.Request) bool { return http2.Of(connOf(r)) != nil }

func connOf(r *http.Request) net.Conn {
	conn, _ := r.Context().Value(connKey{}).(net.Conn)
	return conn
}

func warnOfNoSession(conn net.Conn) {
	noSession.Do(func() {
		caddy.Log().Named("sse").Warn("subscribers over HTTP/2 take a goroutine each, though sse_http2 is among the listener wrappers: "+
			"it has to be right after tls, and another one may be in its way", zap.String("type", fmt.Sprintf("%T", conn)))
	})
}

func warnOfNoStream() {
	noStream.Do(func() {
		caddy.Log().Named("sse").Warn("a stream of HTTP/2 cannot be taken over, since its body does not arrive as the handler writes it: such a subscriber takes a goroutine")
	})
}

var noSession, noStream sync.Once

// Info implements [Delivery].
func (*takenStream) Info() *Info { return http2Info }

// Serve implements [Delivery]: the handler can return.
func (*takenStream) Serve() {}

// Outlet implements [Delivery].
func (t *takenStream) Outlet(loop Loop) Outlet {
	s := &streamOutlet{stream: t.stream}
	s.loopOutlet = newLoopOutlet(loop, t.options, t.ended, s)
	s.stream.Start(func() { loop.Do(s.notified) }, loop.Do)
	if s.stream.IsOver() {
		s.left(s.stream.Cause())
		return s
	}
	s.arm()
	return s
}

// A streamOutlet delivers to a stream of HTTP/2 that was taken over. It is blocked until
// the stream says that more can be written, perhaps.
type streamOutlet struct {
	loopOutlet
	stream *http2.Taken
}

// sealed implements [link]: what the socket has not taken is the session's.
func (*streamOutlet) sealed() int { return 0 }

// write implements [link].
func (s *streamOutlet) write() {
	for !s.closed && !s.blocked && len(s.queue) > 0 {
		s.writePiece(false)
	}
}

// finish implements [link]: the stream's end may have to wait, too.
func (s *streamOutlet) finish() {
	if !s.options.isWhole(s.closing) {
		s.end(s.closing)
		return
	}
	s.writePiece(true)
}

// writePiece writes one piece, or the end of the stream.
func (s *streamOutlet) writePiece(isLast bool) {
	var parts [maxParts][]byte
	n := min(len(s.queue), len(parts))
	for i, f := range s.queue[:n] {
		parts[i] = f.Bytes()
	}
	if n > 0 {
		parts[0] = parts[0][s.written:]
	}
	written, err := s.stream.Write(parts[:n], isLast)
	if written > 0 {
		s.progress()
		s.advance(written)
	}
	switch {
	case err == http2.ErrBlocked:
		s.blocked = true
		s.arm()
	case err != nil:
		s.left(s.stream.Cause())
	case isLast:
		s.end(s.closing)
	}
}

// maxParts is how many frames are written at once.
const maxParts = 64

// advance takes n written bytes off the queue.
func (s *streamOutlet) advance(n int) {
	s.count(n)
	s.pending -= n
	n += s.written
	done := 0
	for ; done < len(s.queue) && n >= s.queue[done].Len(); done++ {
		n -= s.queue[done].Len()
	}
	s.written = n
	s.drop(done)
}

// notified is called when more can be written, perhaps, or the client has left.
func (s *streamOutlet) notified() {
	switch {
	case s.closed:
	case s.stream.IsOver():
		s.left(s.stream.Cause())
	default:
		s.blocked = false
		s.Flush()
	}
}

// leave implements [link].
func (s *streamOutlet) leave(reason error, isInOrder bool) {
	switch {
	case reason == ErrSlow || reason == ErrStalled:
		s.stream.Reset()
	case !isInOrder:
		s.stream.BreakOff()
	}
}
