package http2

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"time"
)

// A service is a session's connection as one of Go's HTTP/2 servers sees it, from when it
// accepts the connection until it leaves. A connection on which only taken streams are
// open is parked: no server has it. The next request gets a new service, from the server
// that there is then.
type service struct {
	session *Session
	isFirst bool
	over    atomic.Bool // the server has left, or is made to
	unread  []byte      // what a later server reads first; guarded by reading

	// The rest is guarded by the session's mu.
	deadline time.Time // that the server has set for reading
	owed     int       // answers to PING and SETTINGS that the server has not written
	unwanted int       // answers to SETTINGS that the client does not get
	// lead is how much more the server lets the client send than the client knows of:
	// less than zero at first, since it is the window of a connection that has just begun.
	lead    int64
	ending  bool   // the server has said GOAWAY, of which the client is not told
	last    uint32 // and that this is the last stream that it serves
	ended   bool   // Close was called
	hasSaid bool   // its SETTINGS
	faulty  bool   // the client has sent it what it ends the connection for
}

// Read implements [net.Conn]: the server gets all frames but those that are about taken
// streams alone, or about a window of which it is not to know. At the end of a frame it
// may be made to leave, by the end of what there is to read.
func (v *service) Read(p []byte) (int, error) {
	s := v.session
	if v.over.Load() {
		return 0, io.EOF
	}
	s.reading.Lock()
	n, err := s.readFor(v, p)
	s.reading.Unlock()
	if v.over.Load() {
		s.readEvents() // what has come meanwhile
	}
	return n, err
}

// Write implements [net.Conn]. It returns when the socket has taken all.
func (v *service) Write(p []byte) (int, error) { return v.session.writeFor(v, p) }

// Close implements [net.Conn]. If the server leaves in order while streams are taken, these
// go on.
func (v *service) Close() error {
	s := v.session
	s.mu.Lock()
	defer s.unlock()
	switch {
	case s.served != v || v.ended || s.failed != nil:
		return nil
	case s.taken > 0 && s.out.isBoundary() && (v.ending || s.leaving && s.inOrder):
		v.ended, s.leaving = true, s.leaving || !v.ending
		_ = s.layer.SetReadDeadline(longAgo) // the server's last read ends
		s.changed.Broadcast()
		go s.parkClosed(v)
		return nil
	}
	s.sealReady()
	_ = s.conn.CloseWrite() // a courtesy, for which nobody waits
	s.fail(net.ErrClosed)
	return nil
}

// RemoteAddr implements [net.Conn].
func (v *service) RemoteAddr() net.Addr { return (*address)(v.session) }

// LocalAddr implements [net.Conn].
func (v *service) LocalAddr() net.Addr { return v.session.conn.LocalAddr() }

// handedOn is what a server gets: Caddy takes what has a ConnectionState for TLS.
func (v *service) handedOn() net.Conn {
	if v.session.tls == nil {
		return struct{ net.Conn }{v}
	}
	return v
}

// ConnectionState is that of TLS: Caddy has it in its requests.
func (v *service) ConnectionState() tls.ConnectionState { return v.session.tls.ConnectionState() }

// SetDeadline implements [net.Conn].
func (v *service) SetDeadline(t time.Time) error {
	return errors.Join(v.SetReadDeadline(t), v.SetWriteDeadline(t))
}

// SetReadDeadline implements [net.Conn].
func (v *service) SetReadDeadline(t time.Time) error {
	s := v.session
	s.mu.Lock()
	defer s.unlock()
	if s.served != v || v.ended {
		return net.ErrClosed
	}
	v.deadline = t
	if s.wantsPark.Load() {
		return nil // it is set when that is decided
	}
	return s.layer.SetReadDeadline(t)
}

// SetWriteDeadline implements [net.Conn].
func (v *service) SetWriteDeadline(t time.Time) error {
	s := v.session
	s.mu.Lock()
	defer s.unlock()
	if s.served != v || v.ended {
		return net.ErrClosed
	}
	return s.layer.SetWriteDeadline(t)
}

var (
	noDeadline time.Time
	longAgo    = time.Unix(1, 0)
)
