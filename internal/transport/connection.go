package transport

import (
	"context"
	"net"
)

// connKey is the context key of a request's connection.
type connKey struct{}

// connContext makes the connection known to the requests that come over it. It is
// for http.Server's ConnContext.
func connContext(ctx context.Context, c net.Conn) context.Context {
	if ctx.Value(connKey{}) != nil {
		return ctx
	}
	return context.WithValue(ctx, connKey{}, c)
}
