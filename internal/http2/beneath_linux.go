package http2

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/caddy-sse/caddy-sse/internal/nonblock"
	"github.com/caddy-sse/caddy-sse/internal/tlsfield"
)

// maxSealed is how much may wait as ciphertext before taken streams wait: a frame of the
// server's. So they are not kept out by a download that fills the socket.
const maxSealed = 20 << 10

// largestSealed is how much may wait as ciphertext at all, some times what the server and
// taken streams can make wait. More is of a client that has TLS answer, as to KeyUpdate
// (RFC 8446, section 4.6.3), and does not read the answers: where writing waits, so would
// it; here its connection ends.
const largestSealed = 512 << 10

// A layer is the connection beneath a TLS connection, encryption apart from the socket, or
// beneath frames in the clear. What is written is taken at once, and goes to the socket as far as that has room. The
// rest waits until somebody has drained it. Reading waits, as ever.
type layer struct {
	*net.TCPConn
	raw syscall.RawConn
	fd  int // valid until it is closed

	mu       sync.Mutex
	sealed   []byte  // what the socket has not taken
	buffer   *[]byte // of the pool, that sealed is in; nil if nothing waits
	polled   bool    // reading does not wait
	draining bool
	drained  sync.Cond // or it has failed
	err      error
	closed   bool
}

// newLayer puts a layer beneath a TLS connection that nobody uses at that time. It is nil
// where that cannot be.
func newLayer(c *tls.Conn) *layer {
	tcp, ok := c.NetConn().(*net.TCPConn)
	field := connField.Of(c)
	if !ok || field == nil {
		return nil
	}
	l := newLayerOver(tcp)
	if l == nil {
		return nil
	}
	*field = l
	if c.NetConn() != net.Conn(l) { // it can only be where crypto/tls has changed
		*field = tcp
		return nil
	}
	return l
}

// newLayerOver is a layer with nothing above it yet. It is nil if the connection is closed.
func newLayerOver(c *net.TCPConn) *layer {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil
	}
	l := &layer{TCPConn: c, raw: raw}
	l.drained.L = &l.mu
	if raw.Control(func(fd uintptr) { l.fd = int(fd) }) != nil {
		return nil
	}
	return l
}

// connField is the field of a tls.Conn with the connection beneath.
var connField = tlsfield.Find[net.Conn]("conn")

// Read implements [net.Conn], for the tls.Conn. While the socket is polled it does not wait:
// the error then is one that passes.
func (l *layer) Read(p []byte) (int, error) {
	l.mu.Lock()
	if !l.polled {
		l.mu.Unlock()
		return l.TCPConn.Read(p)
	}
	defer l.mu.Unlock()
	for {
		if l.closed {
			return 0, net.ErrClosed
		}
		switch n, err := unix.Read(l.fd, p); err {
		case nil:
			if n == 0 && len(p) > 0 {
				return 0, io.EOF
			}
			return n, nil
		case unix.EINTR:
		case unix.EAGAIN:
			return 0, errNothing{}
		default:
			return 0, os.NewSyscallError("read", err)
		}
	}
}

// setPolled says whether reading waits.
func (l *layer) setPolled(is bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.polled = is
}

// whileOpen calls f with the descriptor, unless it is closed.
func (l *layer) whileOpen(f func(fd int)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		f(l.fd)
	}
}

// errNothing is for nothing to be read at that time. A tls.Conn goes on after it, as after
// a timeout.
type errNothing struct{}

func (errNothing) Error() string   { return "http2: there is nothing to read" }
func (errNothing) Timeout() bool   { return true }
func (errNothing) Temporary() bool { return true }

// Write implements [net.Conn], for the tls.Conn, which would not go on after an error.
func (l *layer) Write(p []byte) (int, error) {
	if !l.take(p) {
		_ = l.close(errFlood) // it may be closed
	}
	return len(p), nil
}

// take is false if more would wait than may.
func (l *layer) take(p []byte) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	if len(l.sealed) == 0 {
		n = l.put(p)
	}
	p = p[n:]
	switch {
	case l.err != nil || len(p) == 0:
		return true
	case len(l.sealed)+len(p) > largestSealed:
		return false
	case l.buffer == nil:
		l.buffer = sealedBuffers.Get().(*[]byte)
		l.sealed = (*l.buffer)[:0]
	}
	l.sealed = append(l.sealed, p...)
	return true
}

var errFlood = errors.New("http2: the client does not read what it asks for")

var sealedBuffers = sync.Pool{New: func() any {
	b := make([]byte, 0, maxSealed)
	return &b
}}

// forget lets go of what was sealed.
func (l *layer) forget() {
	if l.buffer == nil {
		return
	}
	if cap(l.sealed) <= 4*maxSealed {
		*l.buffer = l.sealed // which may have grown
	}
	sealedBuffers.Put(l.buffer)
	l.sealed, l.buffer = nil, nil
}

// put writes to the socket, as far as it takes something.
func (l *layer) put(p []byte) (n int) {
	for n < len(p) && l.err == nil {
		if l.closed {
			l.err = net.ErrClosed
			break
		}
		some, err := nonblock.Send(l.fd, p[n:])
		n += some
		switch err {
		case nil, unix.EINTR:
		case unix.EAGAIN:
			return n
		default:
			l.err = err
		}
	}
	return n
}

// state is how much waits for the socket, and what is wrong with it.
func (l *layer) state() (waiting int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.sealed), l.err
}

// isFull reports whether as much waits as may.
func (l *layer) isFull() bool {
	waiting, _ := l.state()
	return waiting > maxSealed
}

// drain waits until the socket has taken what waits. One goroutine does it at a time;
// others wait for that one.
func (l *layer) drain() error {
	l.mu.Lock()
	for l.draining && len(l.sealed) > 0 && l.err == nil {
		l.drained.Wait()
	}
	if len(l.sealed) == 0 || l.err != nil {
		defer l.mu.Unlock()
		return l.err
	}
	l.draining = true
	l.mu.Unlock()
	return l.drainNow()
}

// beginDraining reports whether the caller has to have [layer.drainNow] called.
func (l *layer) beginDraining() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.sealed) == 0 || l.draining || l.err != nil {
		return false
	}
	l.draining = true
	return true
}

func (l *layer) drainNow() error {
	err := l.raw.Write(func(uintptr) bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		n := l.put(l.sealed)
		l.sealed = l.sealed[:copy(l.sealed, l.sealed[n:])]
		return len(l.sealed) == 0 || l.err != nil
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	l.draining = false
	if l.err == nil {
		l.err = err
	}
	if len(l.sealed) == 0 || l.err != nil {
		l.forget()
	}
	l.drained.Broadcast()
	return l.err
}

// Close implements [net.Conn].
func (l *layer) Close() error { return l.close(net.ErrClosed) }

// close closes the socket, for a reason that holds unless there is one already. The lock
// is given back before, since closing waits for who drains, and that takes the lock.
func (l *layer) close(reason error) error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	if l.err == nil {
		l.err = reason
	}
	if !l.draining {
		l.forget()
	}
	l.drained.Broadcast()
	l.mu.Unlock()
	return l.TCPConn.Close()
}
