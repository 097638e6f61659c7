package e2e

import (
	"io"
	"net"
	"sync"
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// A cable leads to a server, and can be cut: then what was open breaks, and
// nobody gets through. (Chromium can be told to be offline, but then keeps the
// streams that are open.)
type cable struct {
	t    testing.TB
	addr string // this end

	mu       sync.Mutex
	to       string
	listener net.Listener
	conns    []net.Conn
}

func lay(t testing.TB, to string) *cable {
	t.Helper()
	c := &cable{t: t, addr: redistest.FreeAddr(t), to: to}
	t.Cleanup(c.cut)
	c.mend()
	return c
}

func (c *cable) mend() {
	c.t.Helper()
	listener, err := net.Listen("tcp", c.addr)
	if err != nil {
		c.t.Fatal(err)
	}
	c.mu.Lock()
	c.listener = listener
	c.mu.Unlock()
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return // it is cut
			}
			go c.carry(listener, near)
		}
	}()
}

func (c *cable) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.listener != nil {
		c.listener.Close()
	}
	c.listener = nil
	for _, conn := range c.conns {
		conn.Close()
	}
	c.conns = nil
}

// lead has the cable lead to another server.
func (c *cable) lead(to string) {
	c.t.Helper()
	c.cut()
	c.mu.Lock()
	c.to = to
	c.mu.Unlock()
	c.mend()
}

// carry carries what is said on a connection, both ways.
func (c *cable) carry(by net.Listener, near net.Conn) {
	defer near.Close()
	c.mu.Lock()
	to := c.to
	c.mu.Unlock()
	far, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer far.Close()
	c.mu.Lock()
	isCut := c.listener != by
	if !isCut {
		c.conns = append(c.conns, near, far)
	}
	c.mu.Unlock()
	if isCut {
		return
	}
	go func() {
		_, _ = io.Copy(far, near) // either end closes both
		far.Close()
	}()
	_, _ = io.Copy(near, far)
}
