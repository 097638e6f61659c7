package transport

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/caddy-sse/caddy-sse/internal/nonblock"
)

const (
	// tlsPiece is how many bytes are encrypted at once: those of the largest record
	// (RFC 8446, section 5.1). It bounds what a slow subscriber has waiting as
	// ciphertext of its own; all else waits as frames that are shared.
	tlsPiece = 16 << 10
	// maxTLSRead is how many bytes are read from a client, of which more than a
	// hundred of the messages have room that TLS has for an open connection.
	maxTLSRead = 8 << 10
	// maxTLSInput is how much memory what is read may take: less than a record of data
	// can.
	maxTLSInput = 4 << 10
)

// A tlsLayer is a TLS connection apart from its socket. It is the connection beneath
// its own tls.Conn, which thereby writes as far as the socket takes something, without
// blocking; what it does not take waits here. Reading does not block either.
// It belongs to the loop.
type tlsLayer struct {
	conn *tls.Conn
	fd   int
	// sealed is ciphertext that the socket has not taken yet. It may begin in the middle
	// of a record, so that it goes before anything else.
	sealed []byte
	plain  int  // bytes of the body in sealed
	toRead int  // bytes that may still be read
	deaf   bool // nothing is read any more

	direct bool  // what is encrypted goes to the socket at once
	took   int   // bytes that it has taken so
	err    error // and what was wrong
}

// take takes the socket from a TLS connection, and whatever else of it that an
// open subscription does not need: buffers of the handshake, what it has found out, and
// the configuration under which the client came, since that holds all of Caddy's which
// a reload replaces.
func (l *tlsLayer) take(conn *tls.Conn, fd int) {
	*l = tlsLayer{conn: conn, fd: fd, toRead: maxTLSRead}
	*tlsHas.conn.Of(conn) = l
	if config := tlsHas.config.Of(conn); config != nil {
		*config = laterConfig
	}
	tlsHas.dropState(conn)
}

// laterConfig is for connections whose handshake is done: what they still ask it for
// are defaults, and how large records may be. One takes a whole piece, so that it is one
// encryption and one write: events are of no use to a client before they are whole.
var laterConfig = &tls.Config{DynamicRecordSizingDisabled: true}

// buffers are for pieces of several frames.
var buffers = sync.Pool{New: func() any {
	b := make([]byte, 0, tlsPiece)
	return &b
}}

// write writes what the socket has not taken of the piece before; or else it encrypts p,
// and writes that. It returns how much of p is encrypted, and how many bytes the socket
// has taken.
func (l *tlsLayer) write(p []byte) (n, took int, err error) {
	if len(l.sealed) > 0 {
		took, err = l.flush()
		return 0, took, err
	}
	l.direct, l.took, l.err = true, 0, nil
	n, err = l.conn.Write(p)
	l.direct, l.plain = false, n
	return n, l.took, cmp.Or(err, l.err)
}

// flush writes what is encrypted, as far as the socket takes it.
func (l *tlsLayer) flush() (took int, err error) {
	took, err = nonblock.Send(l.fd, l.sealed)
	if took == len(l.sealed) {
		l.sealed = nil
	} else {
		l.sealed = l.sealed[took:]
	}
	return took, err
}

// goodbye says that nothing comes any more (close_notify), after the last bytes. It is
// a courtesy to a client that has room for it.
func (l *tlsLayer) goodbye(last []byte) {
	_, _ = l.conn.Write(last)
	_ = l.conn.CloseWrite()
	_, _ = l.flush()
}

// listen reads what the client says of the connection: that it leaves, or has new keys.
// An error ends the connection, and the alert that tells the client is in what is to be
// written. A client that sends data, or more than clients have to, is not read any
// more: it is the kernel that notices then when the client leaves.
func (l *tlsLayer) listen() error {
	var data [1]byte
	n, err := l.conn.Read(data[:])
	switch {
	case err == io.EOF:
		return ErrLeft
	case err != nil && !errors.Is(err, errWouldBlock):
		return fmt.Errorf("%w: %w", ErrLeft, err)
	}
	tlsHas.dropInput(l.conn, false)
	if l.deaf = n > 0 || l.toRead == 0 || tlsHas.inputSize(l.conn) > maxTLSInput; l.deaf {
		tlsHas.dropInput(l.conn, true)
	}
	return nil
}

// Write implements [net.Conn], for the tls.Conn, which would not go on after an error.
// While something is written, the socket takes what it can from the memory in which it
// was encrypted: a copy is made of the rest alone.
func (l *tlsLayer) Write(p []byte) (int, error) {
	n := 0
	if l.direct && len(l.sealed) == 0 && l.err == nil {
		n, l.err = nonblock.Send(l.fd, p)
		l.took += n
	}
	l.sealed = append(l.sealed, p[n:]...)
	return len(p), nil
}

// Read implements [net.Conn], for the tls.Conn.
func (l *tlsLayer) Read(p []byte) (int, error) {
	for l.toRead > 0 {
		n, err := unix.Read(l.fd, p[:min(len(p), l.toRead)])
		switch {
		case n > 0:
			l.toRead -= n
			return n, nil
		case err == nil:
			return 0, io.EOF
		case err == unix.EAGAIN:
			return 0, errWouldBlock
		case err != unix.EINTR:
			return 0, err
		}
	}
	return 0, errWouldBlock
}

// errWouldBlock is temporary, since a tls.Conn reads no more after any other error.
var errWouldBlock net.Error = wouldBlock{}

type wouldBlock struct{}

func (wouldBlock) Error() string   { return "nothing is there to be read yet" }
func (wouldBlock) Timeout() bool   { return true }
func (wouldBlock) Temporary() bool { return true }

// Close implements [net.Conn], and does nothing: the socket's owner closes it.
func (*tlsLayer) Close() error { return nil }

// SetDeadline implements [net.Conn]: nothing waits.
func (*tlsLayer) SetDeadline(time.Time) error { return nil }

// SetReadDeadline implements [net.Conn].
func (*tlsLayer) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline implements [net.Conn].
func (*tlsLayer) SetWriteDeadline(time.Time) error { return nil }

// LocalAddr implements [net.Conn]: nobody asks any more.
func (*tlsLayer) LocalAddr() net.Addr { return new(net.TCPAddr) }

// RemoteAddr implements [net.Conn].
func (*tlsLayer) RemoteAddr() net.Addr { return new(net.TCPAddr) }
