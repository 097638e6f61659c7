package redistest

import (
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
)

// A bus stands between the nodes of a cluster, so that one can be cut off from the
// others while its clients, and its replica, go on to reach it.
type bus struct {
	mu     sync.Mutex
	places map[*Server]*busPlace
}

// A busPlace is one node's: others reach it by the listener, and it comes to others from
// an address of its own, by which it is known.
type busPlace struct {
	listener net.Listener
	from     string // an IP address
	isCutOff bool
	open     map[net.Conn]bool
}

func newBus() *bus { return &bus{places: make(map[*Server]*busPlace)} }

// add gives a node that has not yet started its place.
func (b *bus) add(t testing.TB, s *Server) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	place := &busPlace{listener: l, from: fmt.Sprintf("127.0.1.%d", len(b.places)+1), open: make(map[net.Conn]bool)}
	b.places[s] = place
	_, port, _ := net.SplitHostPort(l.Addr().String())
	s.args = append(s.args, "--cluster-announce-ip", "127.0.0.1", "--cluster-announce-bus-port", port, "--bind-source-addr", place.from)
	t.Cleanup(func() {
		l.Close()
		b.set(s, true)
	})
	go func() {
		for {
			from, err := l.Accept()
			if err != nil {
				return
			}
			go b.serve(from, s, place)
		}
	}()
}

// port is the one at which others reach a node.
func (b *bus) port(s *Server) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	_, port, _ := net.SplitHostPort(b.places[s].listener.Addr().String())
	return port
}

// set says whether a node is cut off.
func (b *bus) set(s *Server, isCutOff bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.places[s]
	p.isCutOff = isCutOff
	if isCutOff {
		for c := range p.open {
			c.Close()
		}
	}
}

// serve passes on what one node says to another.
func (b *bus) serve(from net.Conn, s *Server, there *busPlace) {
	defer from.Close()
	to, err := net.Dial("tcp", s.bus)
	if err != nil {
		return
	}
	defer to.Close()
	host, _, _ := net.SplitHostPort(from.RemoteAddr().String())
	if !b.enter(from, there, host) {
		return
	}
	defer b.leave(from)
	go func() {
		_, _ = io.Copy(from, to) // it ends with the connection
		from.Close()
	}()
	_, _ = io.Copy(to, from)
}

// enter takes down a connection at both ends, unless one of them is cut off.
func (b *bus) enter(c net.Conn, there *busPlace, from string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	ends := []*busPlace{there}
	for _, p := range b.places {
		if p.from == from {
			ends = append(ends, p)
		}
	}
	for _, p := range ends {
		if p.isCutOff {
			return false
		}
	}
	for _, p := range ends {
		p.open[c] = true
	}
	return true
}

func (b *bus) leave(c net.Conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.places {
		delete(p.open, c)
	}
}

// CutOff has a node and the others hear nothing of each other any more, until
// [Cluster.Rejoin]: it, its clients, and its replica go on. It needs
// [StartClusterWithBus].
func (c *Cluster) CutOff(node *Server) { c.bus.set(node, true) }

// Rejoin ends [Cluster.CutOff].
func (c *Cluster) Rejoin(node *Server) { c.bus.set(node, false) }
