package redisbroker

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/redis/go-redis/v9"
)

type dial = func(ctx context.Context, network, addr string) (net.Conn, error)

// redialKey marks the context of a call that must not dial.
type redialKey struct{}

var (
	errRedial = errors.New("the connection is lost")
	noRedial  = context.WithValue(context.Background(), redialKey{}, true)
)

// refuseRedial makes go-redis' hidden reconnecting fail, which dials with the
// context of the call that met the error.
func refuseRedial(d dial) dial {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		if ctx.Value(redialKey{}) != nil {
			return nil, errRedial
		}
		return d(ctx, network, addr)
	}
}

// failAtUse makes a connection that cannot be made one that fails when it is used.
// A dial that fails is printed by go-redis, to a logger that all who use go-redis
// in this process share and that is not ours to silence; and after some of them it
// does not dial for up to a second, no matter who asks.
func failAtUse(d dial) dial {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := d(ctx, network, addr)
		if err != nil {
			return unconnected{&dialError{err}}, nil //nolint:nilerr // it fails later
		}
		return c, nil
	}
}

// A dialError is why there is no connection. go-redis unwraps the error of a
// handshake once before it returns it, which leaves the error of the dialer.
type dialError struct{ error }

func (e *dialError) Unwrap() error { return e.error }

// unconnected is a connection that could not be made.
type unconnected struct{ err error }

func (u unconnected) Read([]byte) (int, error)         { return 0, u.err }
func (u unconnected) Write([]byte) (int, error)        { return 0, u.err }
func (u unconnected) Close() error                     { return nil }
func (u unconnected) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (u unconnected) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (u unconnected) SetDeadline(time.Time) error      { return nil }
func (u unconnected) SetReadDeadline(time.Time) error  { return nil }
func (u unconnected) SetWriteDeadline(time.Time) error { return nil }

// setName names each connection in Redis' CLIENT LIST. A server that refuses that
// is as good as any other: an ACL may deny CLIENT, and proxies do not know it.
func setName(name string) func(context.Context, *redis.Conn) error {
	return func(ctx context.Context, c *redis.Conn) error {
		if name == "" {
			return nil
		}
		err := c.ClientSetName(ctx, name).Err()
		if errors.As(err, new(redis.Error)) {
			return nil
		}
		return err
	}
}
