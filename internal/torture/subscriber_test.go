package torture

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

// A listener takes what a subscriber is given.
type listener interface {
	// opened: a gateway has answered, who was told that ID, if any.
	opened(gateway int, lastID string)
	// heard is called for every block that has ended, with data or without.
	heard(event)
}

// A subscriber is an EventSource with bad luck: one goroutine, one connection
// at a time.
type subscriber struct {
	path     string
	listener listener
	gateways []gateway // to choose from
	habit    habit
	delay    time.Duration // before it first comes
	random   *rand.Rand
	// forgets says that each connection is that of a page which is loaded for the
	// first time: it has no ID.
	forgets bool
	// cuts says that it comes back with IDs that have lost their hashes.
	cuts bool
	// readRate is how many bytes it reads a second; 0: as fast as they come.
	readRate int

	lastID string
	dialed time.Time // when its newest connection began
	input  *bufio.Reader
	buffer [4096]byte
	events interpreter
}

// A habit is for how long one stays, on average, before it cuts its connection
// itself, and for how long it is then away, at most. None: it does not cut.
type habit struct{ stay, away time.Duration }

var hasty = habit{1500 * time.Millisecond, 300 * time.Millisecond}

// headTimeout is how long one that does not cut waits for an answer.
const headTimeout = 15 * time.Second

// follow subscribes, and comes back whenever it has been cut off.
func (s *subscriber) follow(ctx context.Context, c *crowd) {
	s.input = bufio.NewReaderSize(nil, 4096)
	s.events.emit = func(e event) {
		s.lastID = e.id
		if e.data != nil {
			c.deliveries.Add(1)
		}
		s.listener.heard(e)
	}
	pause(ctx, s.delay)
	for ctx.Err() == nil {
		err := s.visit(ctx, c, s.gateways[s.random.IntN(len(s.gateways))])
		switch {
		case ctx.Err() != nil:
		case errors.Is(err, os.ErrDeadlineExceeded) && s.habit.stay > 0:
			pause(ctx, time.Duration(s.random.Int64N(int64(s.habit.away))))
		default:
			c.failed(s.path, err)
			pause(ctx, time.Duration(20+s.random.IntN(180))*time.Millisecond)
		}
	}
}

// visit is one connection, from its dial to its end.
func (s *subscriber) visit(ctx context.Context, c *crowd, g gateway) error {
	if s.forgets {
		s.lastID = ""
	}
	s.dialed = time.Now()
	conn, err := (&net.Dialer{Timeout: headTimeout}).DialContext(ctx, "tcp", g.addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if s.readRate > 0 {
		_ = conn.(*net.TCPConn).SetReadBuffer(slowBuffer)
	}
	leaves := s.habit.stay > 0 && !c.calm.Load()
	stay := headTimeout
	if leaves {
		stay = time.Duration(s.random.ExpFloat64() * float64(s.habit.stay))
		if s.random.IntN(2) == 0 {
			_ = conn.(*net.TCPConn).SetLinger(0) // leave by a reset: a crash, not a goodbye
		}
	}
	_ = conn.SetDeadline(time.Now().Add(stay)) // the read tells
	body, err := s.request(conn, g.addr)
	if err != nil {
		return err
	}
	s.listener.opened(g.number, s.lastID)
	c.visits.Add(1)
	if !leaves {
		_ = conn.SetDeadline(time.Time{})
	}
	s.events.restart(s.lastID)
	for {
		n, err := body.Read(s.buffer[:])
		s.events.feed(s.buffer[:n])
		if err != nil {
			return err
		}
		if s.readRate > 0 {
			pause(ctx, time.Duration(n)*time.Second/time.Duration(s.readRate))
		}
	}
}

// slowBuffer is how many bytes the kernel takes for one who reads slowly: what
// is more, waits at the gateway.
const slowBuffer = 16 << 10

// request asks for the events as a browser does, at the same URL each time.
func (s *subscriber) request(conn net.Conn, addr string) (body interface{ Read([]byte) (int, error) }, err error) {
	lastID := ""
	if s.lastID != "" {
		id := s.lastID
		if s.cuts {
			id = id[:strings.LastIndexByte(id, '-')+1]
		}
		lastID = "Last-Event-ID: " + id + "\r\n"
	}
	_, err = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nAccept: text/event-stream\r\nCache-Control: no-cache\r\n%s\r\n", s.path, addr, lastID)
	if err != nil {
		return nil, err
	}
	s.input.Reset(conn)
	response, err := http.ReadResponse(s.input, nil)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != "text/event-stream" {
		return nil, refusal{response.StatusCode, response.Header.Get("Sse-Error")}
	}
	return response.Body, nil
}

// A refusal is an answer that is no event stream.
type refusal struct {
	status int
	reason string
}

func (r refusal) Error() string { return fmt.Sprintf("status %d: %s", r.status, r.reason) }

// pause waits, unless it is over.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
