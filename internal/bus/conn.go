package bus

import (
	"context"
	"errors"
	"net"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
)

// idleLimit is after how long without use a connection is not used again: a
// firewall, a NAT or a load balancer may have forgotten it without a word.
const idleLimit = 10 * time.Second

var errStale = errors.New("the connection is not to be used again")

// connections are all connections to one server, of which go-redis keeps the
// idle ones in its pool.
type connections struct {
	dial      dial
	idleLimit atomic.Int64 // a time.Duration
	// generation counts how often all connections made before were given up.
	generation atomic.Uint64
}

// learnIdleLimit asks Redis after how long it closes idle connections itself, if
// the gateway may. A connection that was not used for half of that is not used
// again.
func (b *Bus) learnIdleLimit(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	limit := idleLimit
	reply, err := b.client.ConfigGet(ctx, "timeout").Result()
	if timeout, _ := strconv.Atoi(reply["timeout"]); err == nil && timeout > 0 {
		limit = min(limit, time.Duration(timeout)*time.Second/2)
	}
	b.conns.idleLimit.Store(int64(limit))
}

// drop has none of the connections that are there now used again.
func (p *connections) drop() { p.generation.Add(1) }

func (p *connections) open(ctx context.Context, network, addr string) (net.Conn, error) {
	generation := p.generation.Load()
	c, err := p.dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	wrapped := &conn{Conn: c, pool: p, generation: generation}
	wrapped.used()
	return wrapped, nil
}

// A conn is one connection.
type conn struct {
	net.Conn
	pool       *connections
	generation uint64
	usedAt     atomic.Int64 // nanoseconds since 1970
}

func (c *conn) used() { c.usedAt.Store(time.Now().UnixNano()) }

func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.used()
	return n, err
}

// An unsentError is one of writing. A command that was not written in full is
// not executed.
type unsentError struct{ error }

func (e *unsentError) Unwrap() error { return e.error }

func (c *conn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if err != nil {
		return n, &unsentError{err}
	}
	c.used()
	return n, nil
}

// SyscallConn is what go-redis calls before it takes an idle connection from its
// pool, in order to look into the socket; where this fails, it takes another one
// instead. It cannot look through TLS, and knows of no generations, so that the
// check is made here, and what it is given finds nothing.
func (c *conn) SyscallConn() (syscall.RawConn, error) {
	idle := time.Duration(time.Now().UnixNano() - c.usedAt.Load())
	if c.generation != c.pool.generation.Load() || idle > time.Duration(c.pool.idleLimit.Load()) || !isQuiet(c.Conn) {
		return nil, errStale
	}
	return noSocket{}, nil
}

// noSocket is a socket that never has anything to be read.
type noSocket struct{}

func (noSocket) Control(func(uintptr)) error    { return nil }
func (noSocket) Read(func(uintptr) bool) error  { return nil }
func (noSocket) Write(func(uintptr) bool) error { return nil }

// onceMore does it again if the connection failed before Redis can have executed
// anything.
func onceMore(do func() error) error {
	err := do()
	if errors.As(err, new(*unsentError)) {
		err = do()
	}
	return err
}
