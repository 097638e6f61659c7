package transport

import (
	"context"
	"crypto/tls"
	"net"
	"time"

	"golang.org/x/sys/unix"

	"github.com/caddy-sse/caddy-sse/internal/http2"
)

// limitUnacknowledged ends the connection once its client has acknowledged
// nothing, of what it was sent, for twice the write timeout: that client has
// vanished. By default the kernel would try for a quarter of an hour
// (TCP_USER_TIMEOUT, tcp(7)). It also bounds how long a client that is alive may
// keep its receive window closed.
func (o *Options) limitUnacknowledged(fd int) {
	// A kernel that cannot only notices later.
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(2*o.WriteTimeout/time.Millisecond))
}

// limitUnacknowledgedOf does so for the connection of a request. Over HTTP/2 it
// belongs to the client's other requests, too, which have vanished with it. HTTP/3
// has an idle timeout of its own.
func (o *Options) limitUnacknowledgedOf(ctx context.Context) {
	conn, _ := ctx.Value(connKey{}).(net.Conn)
	if session := http2.Of(conn); session != nil {
		session.Control(o.limitUnacknowledged)
		return
	}
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn()
	}
	tcp, ok := unwrapCaddys(conn).(*net.TCPConn)
	if !ok {
		return
	}
	if raw, err := tcp.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { o.limitUnacknowledged(int(fd)) }) // it fails if the connection is closed
	}
}
