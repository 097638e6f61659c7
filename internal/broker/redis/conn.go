package redisbroker

import (
	"context"
	"errors"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// idleLimit is after how long without use a connection is not used again: a
// firewall, a NAT or a load balancer may have forgotten it without a word.
const idleLimit = 10 * time.Second

var (
	errStale = errors.New("the connection is not to be used again")
	errMoved = errors.New("redis' master has moved while the connection was made")
)

// connections are all connections to one server, of which go-redis keeps the
// idle ones in its pool.
type connections struct {
	dial dial
	// where is where the server is now; nil: at the address that go-redis dials.
	where func(context.Context) (addr string, err error)

	mu   sync.Mutex
	at   string             // where the server is, once it has moved there
	open map[*conn]struct{} // if it may move

	idleLimit atomic.Int64 // a time.Duration
	// generation counts how often all connections made before were given up.
	generation atomic.Uint64
}

// learnIdleLimit asks Redis after how long it closes idle connections itself, if
// the gateway may. A connection that was not used for half of that is not used
// again.
func (n *node) learnIdleLimit(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	limit := idleLimit
	reply, err := n.client.ConfigGet(ctx, "timeout").Result()
	if timeout, _ := strconv.Atoi(reply["timeout"]); err == nil && timeout > 0 {
		limit = min(limit, time.Duration(timeout)*time.Second/2)
	}
	n.conns.idleLimit.Store(int64(limit))
}

// drop has none of the connections that are there now used again.
func (p *connections) drop() { p.generation.Add(1) }

func (p *connections) connect(ctx context.Context, network, addr string) (net.Conn, error) {
	generation := p.generation.Load()
	if p.where != nil {
		var err error
		if addr, err = p.where(ctx); err != nil {
			return nil, err
		}
	}
	c, err := p.dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	wrapped := &conn{Conn: c, addr: addr, pool: p, generation: generation}
	wrapped.used()
	if p.where != nil && !p.keep(wrapped) {
		c.Close()
		return nil, errMoved
	}
	return wrapped, nil
}

// keep takes down a connection, and reports whether it leads to where the server is.
func (p *connections) keep(c *conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.addr != p.at {
		return false
	}
	if p.open == nil {
		p.open = make(map[*conn]struct{})
	}
	p.open[c] = struct{}{}
	return true
}

// current is where the server is, once it has moved there.
func (p *connections) current() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.at
}

// moveTo says where the server is from now on, and closes all connections that lead
// elsewhere: what is there may go on for seconds as if nothing were.
func (p *connections) moveTo(addr string) {
	p.mu.Lock()
	p.at = addr
	var others []*conn
	for c := range p.open {
		if c.addr != addr {
			others = append(others, c)
		}
	}
	p.mu.Unlock()
	for _, c := range others {
		c.cut()
	}
}

// A conn is one connection.
type conn struct {
	net.Conn
	addr       string
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

// Close closes the connection.
func (c *conn) Close() error {
	c.pool.mu.Lock()
	delete(c.pool.open, c)
	c.pool.mu.Unlock()
	return c.Conn.Close()
}

// cut ends the connection: the one who uses it then closes it. It does not say so
// by TLS, for which it might have to wait.
func (c *conn) cut() {
	plain := c.Conn
	if over, ok := plain.(interface{ NetConn() net.Conn }); ok {
		plain = over.NetConn()
	}
	_ = plain.Close()
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
