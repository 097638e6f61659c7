package redistest

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/time/rate"
)

// pieceSize is how many bytes a proxy passes on at once.
const pieceSize = 32 << 10

// A Proxy stands between a gateway and a server, and makes the network worse.
type Proxy struct {
	// Addr is its host:port.
	Addr string

	delay  atomic.Int64 // each way
	sent   atomic.Int64 // bytes that came from the server
	up     *rate.Limiter
	down   *rate.Limiter
	forget atomic.Int64   // 0: never
	loses  [2]atomic.Bool // to the server, and from it
	mu     sync.Mutex
	to     string
	open   map[net.Conn]bool
}

// StartProxy leads to the server at addr, until the test ends.
func StartProxy(t testing.TB, addr string) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return StartProxyOn(t, l, addr)
}

// StartProxyOn is StartProxy for who comes to a listener, which it closes.
func StartProxyOn(t testing.TB, l net.Listener, addr string) *Proxy {
	p := &Proxy{
		Addr: l.Addr().String(), to: addr, open: make(map[net.Conn]bool),
		up: rate.NewLimiter(rate.Inf, pieceSize), down: rate.NewLimiter(rate.Inf, pieceSize),
	}
	t.Cleanup(func() {
		l.Close()
		p.Cut()
	})
	go func() {
		for {
			from, err := l.Accept()
			if err != nil {
				return
			}
			p.serve(from)
		}
	}()
	return p
}

// LeadTo has new connections lead to another server. Old ones live on.
func (p *Proxy) LeadTo(addr string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.to = addr
}

// Delay has whatever is sent arrive so much later, each way.
func (p *Proxy) Delay(d time.Duration) { p.delay.Store(int64(d)) }

// Limit has so many bytes a second pass, each way, over all connections together.
func (p *Proxy) Limit(bytesPerSecond int) {
	p.up.SetLimit(rate.Limit(bytesPerSecond))
	p.down.SetLimit(rate.Limit(bytesPerSecond))
}

// Sent is how many bytes have come from the server.
func (p *Proxy) Sent() int64 { return p.sent.Load() }

// Forget has connections on which nothing was sent for so long swallow all that
// is sent later, as behind a NAT that has forgotten them.
func (p *Proxy) Forget(after time.Duration) { p.forget.Store(int64(after)) }

// Lose swallows what is sent to the server, or comes from it, until it is called
// again. Connections stay.
func (p *Proxy) Lose(to, from bool) {
	p.loses[0].Store(to)
	p.loses[1].Store(from)
}

// Cut closes all connections.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.open {
		c.Close()
	}
}

func (p *Proxy) serve(from net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	to, err := net.Dial("tcp", p.to)
	if err != nil {
		from.Close()
		return
	}
	p.open[from], p.open[to] = true, true
	var used atomic.Int64
	used.Store(time.Now().UnixNano())
	go p.copy(to, from, &used, p.up, new(atomic.Int64), &p.loses[0])
	go p.copy(from, to, &used, p.down, &p.sent, &p.loses[1])
}

// A part is what was read at once, and when it is to arrive.
type part struct {
	bytes []byte
	at    time.Time
}

func (p *Proxy) copy(to, from net.Conn, used *atomic.Int64, pace *rate.Limiter, count *atomic.Int64, loses *atomic.Bool) {
	defer func() {
		from.Close()
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.open, from)
	}()
	parts := make(chan part, 10_000)
	defer close(parts)
	go func() {
		defer to.Close()
		for part := range parts {
			time.Sleep(time.Until(part.at))
			if _, err := to.Write(part.bytes); err != nil {
				return
			}
		}
	}()
	isForgotten := false
	for {
		buffer := make([]byte, pieceSize)
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		now := time.Now()
		idle := now.UnixNano() - used.Load()
		if forget := p.forget.Load(); forget > 0 && idle > forget {
			isForgotten = true
		}
		if isForgotten || loses.Load() {
			continue
		}
		used.Store(now.UnixNano())
		// Before more is read: what a slow link has no room for waits at the server.
		_ = pace.WaitN(context.Background(), n) // it fails for what is more than pieceSize alone
		count.Add(int64(n))
		parts <- part{buffer[:n], time.Now().Add(time.Duration(p.delay.Load()))}
	}
}
