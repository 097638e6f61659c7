package history

import (
	"context"
	"sync"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/bus"
	"github.com/caddy-sse/caddy-sse/internal/jitter"
)

const (
	// readers is how many reads of many channels are under way at once.
	readers = 4
	// batch is how many channels one of them reads.
	batch = 50
	// pageEntries is how many entries of each.
	pageEntries = 128
	// readTimeout is how long Redis may take to answer.
	readTimeout = 3 * time.Second
	// againLate is after how long a read that failed is tried again where Redis
	// refuses it until somebody changes something.
	againLate = 30 * time.Second
	// maxTries is how often a read is tried that Redis refuses for a while, before
	// subscribers are told.
	maxTries = 5
)

// reads are the channels whose Redis streams are to be read, in the order in
// which they were woken.
type reads struct {
	wake chan struct{} // holds a token while there are some

	mu       sync.Mutex
	channels []*channel
}

func (r *reads) init() { r.wake = make(chan struct{}, 1) }

func (r *reads) add(c *channel) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.channels = append(r.channels, c)
	r.signal()
}

func (r *reads) signal() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func (r *reads) take() []*channel {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := min(batch, len(r.channels))
	taken := r.channels[:n:n]
	if r.channels = r.channels[n:]; len(r.channels) > 0 {
		r.signal()
	} else {
		r.channels = nil
	}
	return taken
}

// read reads what is to be read, until the end.
func (h *History) read() {
	for {
		select {
		case <-h.reads.wake:
		case <-h.ctx.Done():
			return
		}
		h.readAll(h.reads.take())
	}
}

// readAll reads the channels' Redis streams in one pipeline.
func (h *History) readAll(channels []*channel) {
	if len(channels) == 0 {
		return
	}
	h.count.Add(uint64(len(channels)))
	ctx, cancel := context.WithTimeout(h.ctx, readTimeout)
	defer cancel()
	pipe := h.bus.Client().Pipeline()
	parse := make([]func() (snapshot, error), len(channels))
	toMark := false
	for i, c := range channels {
		c.mu.Lock()
		c.state = isRead
		c.atRead.interruptions, c.atRead.notifications = c.interruptions.Load(), c.notifications
		toMark = toMark || c.toMark
		c.marked, c.toMark = c.toMark, false
		count := max(1, min(pageEntries, c.entriesIn(liveBytes, pageEntries))>>c.halved.Load())
		switch {
		case !c.begun:
			parse[i] = readTop(ctx, pipe, c.name)
		case c.wasThere && !c.inDoubt:
			parse[i] = readFrom(ctx, pipe, c.name, c.last, count+1)
		default:
			parse[i] = readAfter(ctx, pipe, c.name, c.last, count)
		}
		c.mu.Unlock()
	}
	var m *mark
	if toMark {
		m = h.notifier.probe.mark(ctx, pipe)
	}
	_, _ = pipe.Exec(ctx) // each command has its own error
	if m != nil {
		m.await(ctx)
		h.notifier.probe.unmark(m)
	}
	for i, c := range channels {
		snap, err := parse[i]()
		c.read(snap, err)
	}
}

// read takes what was read of the channel.
func (c *channel) read(snap snapshot, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	again := c.state == toReadAgain
	c.state = idle
	if err != nil {
		if isTimeout(err) && c.halved.Load() < 10 {
			c.halved.Add(1)
		}
		c.ahead = nil
		c.readFailed(err)
		return
	}
	if c.failures > 0 {
		c.failures, c.refused = 0, false
		c.history.readable(c)
	}
	c.halved.Store(0)
	c.measure(snap.entries)
	more := c.accept(snap)
	if !c.drainAhead() || more || again {
		c.scheduleRead()
	}
}

// readFailed tries again. While Redis is away nothing can be read: it is, when
// the connection is back.
func (c *channel) readFailed(err error) {
	h := c.history
	if h.ctx.Err() != nil || h.disconnected.Load() {
		return
	}
	pause := backoff{c.failures}
	if isLoading(err) {
		time.AfterFunc(pause.whileLoading(), c.wake)
		return
	}
	c.failures++
	c.refused = bus.Final(err)
	if c.refused || isAnswer(err) && c.failures >= maxTries {
		h.refused(c, err, true)
	}
	wait := pause.next()
	if c.refused {
		wait = jitter.Spread(againLate, 0.5)
	}
	time.AfterFunc(wait, c.wake)
}
