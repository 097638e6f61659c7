package transport

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"reflect"
	"sync"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"
)

// A takenConn is a connection that was taken over from the HTTP server.
type takenConn struct {
	tcp     *net.TCPConn
	tls     *tls.Conn // was over tcp; nil in the clear
	chunked bool      // HTTP/1.1 frames the body in chunks, HTTP/1.0 does not
}

// takeOver takes the connection of a response, whose header has been written,
// from the HTTP server: the handler can return, and neither a goroutine nor a
// buffer of the server's stays behind. It is nil where that cannot be: over
// HTTP/2 and HTTP/3, behind a listener wrapper that puts a connection of its own
// around the socket, or when a handler encodes the body.
//
// The connection is taken from the deepest writer, since Caddy's own would keep
// all alive that they hold to count its bytes.
func takeOver(w http.ResponseWriter, r *http.Request) *takenConn {
	if r.ProtoMajor != 1 {
		return nil
	}
	conn, _ := r.Context().Value(connKey{}).(net.Conn)
	c := &takenConn{chunked: r.ProtoAtLeast(1, 1)}
	if t, ok := conn.(*tls.Conn); ok {
		if !takesTLS() {
			return nil
		}
		c.tls, conn = t, t.NetConn()
	}
	tcp, ok := unwrapCaddys(conn).(*net.TCPConn)
	if !ok {
		return nil
	}
	c.tcp = tcp
	hijacker, ok := deepest(w).(http.Hijacker)
	if !ok {
		return nil
	}
	if _, _, err := hijacker.Hijack(); err != nil {
		return nil
	}
	return c
}

// unwrapCaddys returns the connection that Caddy's listener has wrapped to look
// for an HTTP/2 preface in what is read. Other wrappers stay, since they may
// change what is written.
func unwrapCaddys(c net.Conn) net.Conn {
	inner, isKnown := unwrap(c, reflect.TypeFor[caddyhttp.Server]().PkgPath())
	if !isKnown {
		warnOfUnknownConn(c)
	}
	return inner
}

// warnOfUnknownConn says once that subscribers cost more than they have to.
func warnOfUnknownConn(c net.Conn) {
	unknownConn.Do(func() {
		caddy.Log().Named("sse").Warn("this version of Caddy wraps connections in a way that is not known here: "+
			"subscribers over HTTP/1.1 take a goroutine each, as over HTTP/2", zap.String("type", fmt.Sprintf("%T", c)))
	})
}

var unknownConn sync.Once

// unwrap returns the connection in that package's http2Conn, and any other as it
// is. It is not known if the package has wrapped it otherwise.
func unwrap(c net.Conn, pkg string) (inner net.Conn, isKnown bool) {
	v := reflect.ValueOf(c)
	t := reflect.TypeOf(c)
	if t != nil && t.Kind() == reflect.Pointer {
		v, t = v.Elem(), t.Elem()
	}
	switch {
	case t == nil || t.PkgPath() != pkg:
		return c, true
	case t.Name() == "tlsStateConn": // around a listener wrapper's connection, over TLS
		return c, true
	case t.Name() != "http2Conn" || t.Kind() != reflect.Struct:
		return c, false
	}
	field := v.FieldByName("Conn")
	if !field.IsValid() || field.Type() != reflect.TypeFor[net.Conn]() || field.IsNil() {
		return c, false
	}
	return field.Interface().(net.Conn), true
}
