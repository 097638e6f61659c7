package blackbox_test

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// An endpoint is an address that leads to one server, and after a failover to
// another.
type endpoint struct {
	net.Listener
	mu     sync.Mutex
	server *redistest.Server
	open   []net.Conn
}

func newEndpoint(t *testing.T, server *redistest.Server) *endpoint {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	e := &endpoint{Listener: l, server: server}
	go e.serve()
	return e
}

func (e *endpoint) serve() {
	for {
		from, err := e.Accept()
		if err != nil {
			return
		}
		e.mu.Lock()
		to, err := net.Dial("tcp", e.server.Addr)
		if err != nil {
			from.Close()
		} else {
			e.open = append(e.open, from, to)
			go func() { _, _ = io.Copy(from, to); from.Close() }()
			go func() { _, _ = io.Copy(to, from); to.Close() }()
		}
		e.mu.Unlock()
	}
}

// failOver leads to another server from now on.
func (e *endpoint) failOver(to *redistest.Server) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.server = to
	for _, c := range e.open {
		c.Close()
	}
	e.open = nil
}

// A replica that had not got so far takes over: what subscribers were delivered
// is no longer there.
func TestStaleReplica(t *testing.T) {
	for name, next := range map[string]string{"newer IDs": "100-0", "a clock behind": "7-5"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			primary := redistest.Start(t)
			host, port, _ := net.SplitHostPort(primary.Addr)
			replica := redistest.Start(t, "--replicaof", host+" "+port)
			e := newEndpoint(t, primary)
			g := gatewaytest.Start(t, "\tsse {\n\t\tredis "+e.Addr().String()+"\n\t\tdrain 0\n\t\tgap_spread 0\n\t}", resumeSite)
			s := gatewaytest.ComeBack(t, g, "/h/chat", "0-0")
			primary.Add("chat", "5-0", "everywhere")
			redistest.Await(t, "the replica", func() bool { return replica.Do("XLEN", "chat") == int64(1) })
			replica.Do("REPLICAOF", "NO", "ONE")
			primary.Add("chat", "6-0", "only here")
			primary.Add("chat", "8-0", "only here, too")
			s.Await("data: only here, too\n\n")

			primary.Kill()
			replica.Add("chat", next, "meanwhile")
			e.failOver(replica)
			s.Await("event: sse.gap\ndata: {\"channel\":\"chat\",\"reason\":\"reset\",\"from\":\"8-0\",")
			replica.Add("chat", "200-0", "after")
			s.Await("id: 200-0\ndata: after\n\n")
			back := gatewaytest.ComeBack(t, g, "/h/chat", "8-0")
			back.Await("\"reason\":\"reset\",\"from\":\"8-0\",")
			back.Await("data: after\n\n")
			for _, s := range []*gatewaytest.Stream{s, back} {
				if n := strings.Count(s.Text(), "sse.gap"); n != 1 {
					t.Errorf("%d gaps: %s", n, s.Text())
				}
			}
		})
	}
}
