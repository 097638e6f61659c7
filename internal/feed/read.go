package feed

import (
	"context"
	"sync"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/broker"
	"github.com/caddy-sse/caddy-sse/internal/jitter"
	"github.com/caddy-sse/caddy-sse/internal/wake"
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
	wake wake.Signal // set while there are some

	mu       sync.Mutex
	channels []*channel
}

func (r *reads) init() { r.wake = wake.New() }

func (r *reads) add(c *channel) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.channels = append(r.channels, c)
	r.wake.Set()
}

func (r *reads) take() []*channel {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := min(batch, len(r.channels))
	taken := r.channels[:n:n]
	if r.channels = r.channels[n:]; len(r.channels) > 0 {
		r.wake.Set()
	} else {
		r.channels = nil
	}
	return taken
}

// read reads what is to be read, until the end.
func (f *Feed) read() {
	for {
		select {
		case <-f.reads.wake:
		case <-f.ctx.Done():
			return
		}
		f.readAll(f.reads.take())
	}
}

// readAll reads the channels' Redis streams at once.
func (f *Feed) readAll(channels []*channel) {
	if len(channels) == 0 {
		return
	}
	f.count.Add(uint64(len(channels)))
	ctx, cancel := context.WithTimeout(f.ctx, readTimeout)
	defer cancel()
	reads := make([]broker.Read, len(channels))
	isMarked := false
	for i, c := range channels {
		c.mu.Lock()
		c.state = isRead
		c.atRead.interruptions, c.atRead.notifications = c.interruptions.Load(), c.notifications
		isMarked = isMarked || c.toMark
		c.marked, c.toMark = c.toMark, false
		reads[i] = c.next()
		c.mu.Unlock()
	}
	for i, snap := range f.broker.Read(ctx, reads, isMarked) {
		channels[i].read(snap)
	}
}

// next is what to read next.
func (c *channel) next() broker.Read {
	count := max(1, min(pageEntries, c.entriesIn(liveBytes, pageEntries))>>c.halved.Load())
	switch {
	case !c.begun:
		return broker.Read{Channel: c.name, InfoAfter: true}
	case c.wasThere && !c.inDoubt:
		return broker.Read{Channel: c.name, From: c.last, Count: count + 1}
	}
	return broker.Read{Channel: c.name, From: c.last, After: true, Count: count, InfoBefore: true, InfoAfter: true}
}

// read takes what was read of the channel.
func (c *channel) read(snap broker.Snapshot) {
	c.mu.Lock()
	defer c.mu.Unlock()
	again := c.state == toReadAgain
	c.state = idle
	if err := snap.Err; err != nil {
		if isTimeout(err) && c.halved.Load() < 10 {
			c.halved.Add(1)
		}
		c.ahead = nil
		c.readFailed(err)
		return
	}
	if c.failures > 0 {
		c.failures, c.refused = 0, false
		c.feed.readable(c)
	}
	c.halved.Store(0)
	c.measure(snap.Entries)
	more := c.accept(snap)
	if !c.drainAhead() || more || again {
		c.scheduleRead()
	}
}

// readFailed tries again. While Redis is away nothing can be read: it is, when
// the connection is back.
func (c *channel) readFailed(err error) {
	f := c.feed
	if f.ctx.Err() != nil || f.disconnected.Load() {
		return
	}
	pause := backoff{c.failures}
	if isLoading(err) {
		time.AfterFunc(pause.whileLoading(), c.wake)
		return
	}
	c.failures++
	c.refused = broker.Final(err)
	if c.refused || broker.Answered(err) && c.failures >= maxTries {
		f.refused(c, err, true)
	}
	wait := pause.next()
	if c.refused {
		wait = jitter.Spread(againLate, 0.5)
	}
	time.AfterFunc(wait, c.wake)
}
