package http2

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// handshakeTimeout is for how long a client may take for the handshake: the server's own
// timeouts begin after it.
const handshakeTimeout = 30 * time.Second

// prefaceTimeout is for how long it may take then to say its first word, unless the server
// has a timeout for headers.
const prefaceTimeout = 10 * time.Second

// Wrap puts sessions around the connections of a listener that speak HTTP/2, over TLS or in
// the clear. All others, and what is not as expected, are handed on as they are.
func Wrap(ln net.Listener) net.Listener {
	wrapped.Store(true)
	l := &listener{Listener: ln, address: ln.Addr().Network() + " " + ln.Addr().String(), conns: make(chan accepted), closed: make(chan struct{})}
	listeners.add(l)
	return l
}

// IsUsed reports whether there is, or was, a listener with sessions.
func IsUsed() bool { return wrapped.Load() }

var wrapped atomic.Bool

type listener struct {
	net.Listener
	address string
	begun   atomic.Bool
	begin   sync.Once
	end     sync.Once
	conns   chan accepted
	closed  chan struct{}
}

type accepted struct {
	conn net.Conn
	err  error
}

// Accept implements [net.Listener].
func (l *listener) Accept() (net.Conn, error) {
	l.begin.Do(func() {
		l.begun.Store(true)
		go l.run()
	})
	select {
	case a := <-l.conns:
		return a.conn, a.err
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close implements [net.Listener].
func (l *listener) Close() error {
	l.end.Do(func() {
		close(l.closed)
		listeners.remove(l)
	})
	return l.Listener.Close()
}

func (l *listener) run() {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			select {
			case l.conns <- accepted{nil, err}: // the server waits a moment before it accepts again
				continue
			case <-l.closed:
				return
			}
		}
		switch c := conn.(type) {
		case *tls.Conn:
			go l.shakeHands(c)
		case *net.TCPConn:
			go l.listen(c)
		default:
			l.deliver(conn)
		}
	}
}

// shakeHands finds out what the client speaks. A handshake that fails is the server's,
// which says so in its log, and in clear to a client that does not speak TLS.
func (l *listener) shakeHands(c *tls.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), handshakeTimeout)
	defer cancel()
	if err := c.HandshakeContext(ctx); err == nil && isFit(c.ConnectionState()) {
		if v := newSession(c, l.address); v != nil {
			_ = v.SetReadDeadline(time.Now().Add(prefaceTimeout)) // the server lifts it with the preface
			l.deliver(v.handedOn())
			return
		}
	}
	l.deliver(c)
}

// listen finds out what a client speaks that comes without TLS. Nothing is read: what is
// not HTTP/2 is the server's, with all that the client has said.
func (l *listener) listen(c *net.TCPConn) {
	_ = c.SetReadDeadline(time.Now().Add(prefaceTimeout)) // if it is closed, so it is for the server
	isHTTP2 := beginsWithPreface(c)
	_ = c.SetReadDeadline(noDeadline)
	if isHTTP2 {
		if v := newClearSession(c, l.address); v != nil {
			l.deliver(v.handedOn())
			return
		}
	}
	l.deliver(c)
}

// beginsWithPreface waits until it is known. It is false for a client that says too little
// in time.
func beginsWithPreface(c *net.TCPConn) (is bool) {
	raw, err := c.SyscallConn()
	if err != nil {
		return false
	}
	var said [len(preface)]byte
	err = raw.Read(func(fd uintptr) bool {
		n, _, err := unix.Recvfrom(int(fd), said[:], unix.MSG_PEEK)
		switch {
		case err == unix.EAGAIN:
			return false
		case err != nil:
			return true
		}
		is = n == len(preface) && string(said[:]) == preface
		return is || string(said[:n]) != preface[:n] || saysNoMore(int(fd))
	})
	return is && err == nil
}

// saysNoMore reports whether the client has closed its side of the connection.
func saysNoMore(fd int) bool {
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
	n, err := unix.Poll(fds, 0)
	return n > 0 || err != nil && err != unix.EINTR
}

// isFit reports whether a connection speaks HTTP/2 with TLS as that demands (RFC 9113,
// section 9.2). The server refuses what is not.
func isFit(state tls.ConnectionState) bool {
	if state.NegotiatedProtocol != "h2" {
		return false
	}
	switch state.Version {
	case tls.VersionTLS13:
		return true
	case tls.VersionTLS12:
	default:
		return false
	}
	switch state.CipherSuite {
	case tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
		tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256:
		return true
	}
	return false
}

// deliver hands a connection on. One whose handshake was under way when a configuration was
// replaced goes to the next one.
func (l *listener) deliver(c net.Conn) {
	select {
	case l.conns <- accepted{c, nil}:
	case <-l.closed:
		if !offer(l.address, c) {
			_ = c.Close() // nobody serves it
		}
	}
}
