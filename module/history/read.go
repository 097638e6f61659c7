package history

import (
	"context"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"github.com/caddy-sse/caddy-sse/internal/jitter"
	"github.com/caddy-sse/caddy-sse/internal/seldom"
	"github.com/caddy-sse/caddy-sse/module/bus"
)

const (
	// readers is how many reads of many channels are under way at once.
	readers = 4
	// batch is how many channels one of them reads.
	batch = 50
	// page is how many entries of each.
	page = 128
	// readTimeout is how long Redis may take to answer.
	readTimeout = 3 * time.Second
	// againSoon is after how long a read that failed is tried again.
	againSoon = 250 * time.Millisecond
	// againLate is the same where Redis said no.
	againLate = 30 * time.Second
)

// reads are the channels whose Redis streams are to be read, in the order in
// which they rang.
type reads struct {
	wake    chan struct{} // holds a token while there are some
	refused seldom.Line

	mu       sync.Mutex
	channels []*channel
}

func (r *reads) init() { r.wake = make(chan struct{}, 1) }

func (r *reads) add(c *channel) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.channels = append(r.channels, c)
	r.poke()
}

func (r *reads) poke() {
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
		r.poke()
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
	parse := make([]func() (view, error), len(channels))
	for i, c := range channels {
		c.mu.Lock()
		c.state = isRead
		switch {
		case !c.begun:
			parse[i] = readTop(ctx, pipe, c.name)
		case c.wasThere && !c.inDoubt:
			parse[i] = readFrom(ctx, pipe, c.name, c.last, page+1)
		default:
			parse[i] = readAfter(ctx, pipe, c.name, c.last, page)
		}
		c.mu.Unlock()
	}
	_, _ = pipe.Exec(ctx) // each command has its own error
	for i, c := range channels {
		v, err := parse[i]()
		c.read(v, err)
	}
}

// read takes what was read of the channel.
func (c *channel) read(v view, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	again := c.state == toReadAgain
	c.state = idle
	if err != nil {
		c.ahead = nil
		c.readFailed(err)
		return
	}
	c.refused = false
	more := c.take(v)
	if !c.catchUp() || more || again {
		c.want()
	}
}

// readFailed tries again. While Redis is away nothing can be read: it is, when
// the connection is back.
func (c *channel) readFailed(err error) {
	h := c.history
	switch {
	case h.ctx.Err() != nil || h.deaf.Load():
	case isFinal(err):
		c.refused = true
		h.reads.refused.Say(func(others int) {
			h.log().Error(explain(err), zap.String("channel", c.name), zap.Int("others_meanwhile", others), zap.Error(err))
		})
		time.AfterFunc(againLate, c.ring)
	default:
		time.AfterFunc(jitter.Spread(againSoon, 0.5), c.ring)
	}
}

// isFinal reports whether trying again is of no use until somebody changes
// something. Redis says no for a while, too, as when it is loading its data or
// has too many clients.
func isFinal(err error) bool {
	return bus.Final(err) || redis.HasErrorPrefix(err, "ERR") && !redis.IsMaxClientsError(err)
}

// explain says in plain words what an error means for whoever runs Redis.
func explain(err error) string {
	switch {
	case redis.HasErrorPrefix(err, "WRONGTYPE"):
		return "the key of a channel with history is no Redis stream; its subscribers hear nothing"
	case bus.Clustered(err):
		return "redis is a node of a cluster, which the gateway cannot use; subscribers of channels with history hear nothing"
	case bus.Denied(err):
		return "redis denies this user a channel's history (ACL: it takes +xrange +xrevrange +xinfo|stream); its subscribers hear nothing"
	}
	return "redis refuses to read a channel's history; its subscribers hear nothing until it does"
}
