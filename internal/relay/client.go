package relay

import (
	"sync/atomic"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/broker"
	"github.com/caddy-sse/caddy-sse/internal/eventstream"
	"github.com/caddy-sse/caddy-sse/internal/hub"
	"github.com/caddy-sse/caddy-sse/internal/protocol"
)

// A Client is who asked for the run: its events come from the run's memory, and, if it
// takes them too slowly for that, from Redis.
type Client struct {
	run   *Run
	ends  protocol.Ends
	wake  atomic.Pointer[func()]
	awake atomic.Bool // it was woken, and has not taken since

	// Guarded by the run.
	next    int    // the number of the next event
	behind  bool   // the next one is no longer in memory
	page    []page // what was read of Redis, and not taken yet
	reading bool
	tries   int // of a read, that failed
	broken  bool
	hasID   bool // it was sent the ID of the run's start
}

// A page is an event of one.
type page struct {
	frame *eventstream.Frame // nil: it is not for the client
}

// Client has the run serve its client, until [Client.Left]. It is called once, right after
// [Run.Begin].
func (r *Run) Client(ends protocol.Ends) *Client {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.client = &Client{run: r, ends: ends, next: 1}
	return r.client
}

// Opened has it wake the client when there is something.
func (c *Client) Opened(wake func()) {
	c.wake.Store(&wake)
	wake()
}

// Left takes that the client is no more.
func (c *Client) Left() {
	r := c.run
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.client == c {
		r.client = nil
		r.trim()
		r.room.Broadcast()
	}
}

func (c *Client) wakeUp() {
	if wake := c.wake.Load(); wake != nil && !c.awake.Swap(true) {
		(*wake)()
	}
}

// Take implements [hub.Supply].
func (c *Client) Take(bytes int, nothingWaits bool) (t hub.Taken) {
	c.awake.Store(false)
	r := c.run
	r.mu.Lock()
	defer r.mu.Unlock()
	if !c.hasID {
		c.hasID = true
		t.Frames = append(t.Frames, eventstream.IDFrame(r.start.String()))
	}
	took := false
	for {
		frame, isThere := c.peek()
		if !isThere {
			break
		}
		if frame != nil && frame.Len() > bytes && (!nothingWaits || took) {
			t.More = true
			break
		}
		if c.drop(); frame != nil {
			took = true
			bytes -= frame.Len()
			t.Frames = append(t.Frames, frame)
		}
	}
	switch {
	case c.broken:
		t.End = hub.ErrGap
	case c.behind && len(c.page) == 0:
		c.read()
	case r.over && !t.More && !c.behind && c.next >= r.next:
		t.Last, t.End = c.end()
	}
	if took {
		r.trim()
		r.room.Broadcast()
	}
	return t
}

// peek is the next event, if it is at hand.
func (c *Client) peek() (f *eventstream.Frame, isThere bool) {
	switch {
	case c.broken:
		return nil, false
	case len(c.page) > 0:
		return c.page[0].frame, true
	case c.behind && c.next >= c.run.first:
		c.behind = false
	case c.behind:
		return nil, false
	}
	if i := c.next - c.run.first; i < len(c.run.records) {
		return c.run.records[i].frame, true
	}
	return nil, false
}

// drop takes the event of peek.
func (c *Client) drop() {
	c.next++
	if len(c.page) > 0 {
		if c.page = c.page[1:]; len(c.page) == 0 {
			c.page = nil
		}
	}
}

// end is how the run has ended for the client.
func (c *Client) end() (last *eventstream.Frame, why error) {
	r := c.run
	entry := protocol.Entry{ID: r.id(r.next - 1), Fields: []string{"event", protocol.EndType, "reason", string(r.reason)}}
	frame, says := c.ends.Frame(entry)
	switch {
	case r.reason == protocol.EndDone:
		return frame, hub.ErrDone
	case says:
		return frame, hub.ErrToldEnd
	}
	return frame, hub.ErrEnded
}

const (
	// pageMost and pageBytes are how much is read of Redis at once, about.
	pageMost  = 256
	pageBytes = 128 << 10
	// readAgain is after how long a read is tried again that failed, and mostTries how
	// often.
	readAgain = time.Second
	mostTries = 30
)

// read reads the next page.
func (c *Client) read() {
	if c.reading {
		return
	}
	c.reading = true
	r := c.run
	most := max(1, min(pageMost, pageBytes*r.next/int(max(1, r.size))))
	after := r.id(c.next - 1)
	r.runs.start(func() {
		entries, err := r.runs.broker.Entries(r.runs.ctx, r.Channel, broker.Page{After: after, Limit: most, Oldest: true})
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.client != c {
			return
		}
		if err != nil && c.tries < mostTries && r.runs.ctx.Err() == nil {
			c.tries++
			time.AfterFunc(readAgain, func() {
				r.mu.Lock()
				defer r.mu.Unlock()
				c.reading = false
				c.wakeUp()
			})
			return
		}
		c.reading, c.tries = false, 0
		c.take(entries)
		c.wakeUp()
	})
}

// take takes what was read, as far as it is the run's, and goes on from where it is.
func (c *Client) take(entries []protocol.Entry) {
	n := c.next
	for _, e := range entries {
		if e.ID != c.run.id(n) {
			continue // somebody else's
		}
		n++
		p := page{}
		_, isEnd := e.End()
		if event, _ := e.Event(protocol.View{Format: protocol.Text}); !isEnd { // what cannot be used is left out
			p.frame = event.Frame()
		}
		c.page = append(c.page, p)
	}
	c.broken = len(c.page) == 0 && c.next < c.run.first // it is not there any more
}
