// Package listener is the listener wrapper for subscribers over HTTP/2.
package listener

import (
	"net"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-sse/caddy-sse/internal/http2"
)

func init() { caddy.RegisterModule(HTTP2{}) }

// HTTP2 has subscribers over HTTP/2 served without a goroutine each, as those over
// HTTP/1.1 are: once the response has begun, its stream goes on without the HTTP
// server. Everything else of the connection stays with the server, which leaves one that
// carries subscribers alone, and comes back for the client's next request.
//
// It has to stand right after `tls`. Without TLS, HTTP/2 is that of clients that begin
// with it, which `protocols` allows by h2c. Behind another wrapper, over HTTP/1.1 and
// HTTP/3, and on systems other than Linux it changes nothing. The handshake of TLS then has
// 30 seconds, whatever the server's timeouts are, and a client without TLS 10 for its first
// word before these begin.
type HTTP2 struct{}

// CaddyModule returns the Caddy module information.
func (HTTP2) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "caddy.listeners.sse_http2",
		New: func() caddy.Module { return new(HTTP2) },
	}
}

// WrapListener implements [caddy.ListenerWrapper].
func (HTTP2) WrapListener(ln net.Listener) net.Listener { return http2.Wrap(ln) }

// UnmarshalCaddyfile reads the wrapper, which has no options:
//
//	sse_http2
func (*HTTP2) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	if d.NextArg() {
		return d.ArgErr()
	}
	if d.NextBlock(0) {
		return d.Errf("sse_http2 has no options, not %q", d.Val())
	}
	return nil
}

// Interface guards
var (
	_ caddy.ListenerWrapper = HTTP2{}
	_ caddyfile.Unmarshaler = (*HTTP2)(nil)
)
