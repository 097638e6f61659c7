package torture

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
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

// A subscriber is an EventSource with bad luck: one goroutine, one visit at a
// time.
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
	// dialing, if there is one, is called before it comes to a gateway.
	dialing func(gateway int)
	// readRate is how many bytes it reads a second; 0: as fast as they come.
	readRate int
	// line is the client that it shares; without one it has an HTTP/1.1 connection
	// for each visit.
	line *line

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

// An answer is an event stream, read as it comes.
type answer interface {
	io.ReadCloser
	// stay lifts the limit, after which reading ends with [os.ErrDeadlineExceeded].
	stay()
}

// visit is one subscription, from its dial to its end.
func (s *subscriber) visit(ctx context.Context, c *crowd, g gateway) error {
	if s.forgets {
		s.lastID = ""
	}
	if s.dialing != nil {
		s.dialing(g.number)
	}
	s.dialed = time.Now()
	leaves := s.habit.stay > 0 && !c.calm.Load()
	limit := headTimeout
	if leaves {
		limit = time.Duration(s.random.ExpFloat64() * float64(s.habit.stay))
	}
	open := s.open
	if s.line != nil {
		open = s.line.open
	}
	body, err := open(ctx, s, g, limit, leaves)
	if err != nil {
		return err
	}
	defer body.Close()
	s.listener.opened(g.number, s.lastID)
	c.visits.Add(1)
	if !leaves {
		body.stay()
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

// header is what a browser says, for the same URL each time.
func (s *subscriber) header() http.Header {
	h := http.Header{"Accept": {"text/event-stream"}, "Cache-Control": {"no-cache"}}
	if id := s.lastID; id != "" {
		if s.cuts {
			id = id[:strings.LastIndexByte(id, '-')+1]
		}
		h.Set("Last-Event-ID", id)
	}
	return h
}

// refusalOf is what is wrong with an answer; nil if it is an event stream.
func refusalOf(r *http.Response) error {
	if r.StatusCode != http.StatusOK || r.Header.Get("Content-Type") != "text/event-stream" {
		return refusal{r.StatusCode, r.Header.Get("Sse-Error")}
	}
	return nil
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
