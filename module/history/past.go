package history

import (
	"context"
	"slices"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/jitter"
	"github.com/caddy-sse/caddy-sse/module/bus"
	"github.com/caddy-sse/caddy-sse/module/eventstream"
	"github.com/caddy-sse/caddy-sse/module/hub"
)

// firstRead is how many entries are read for those who come back before it is
// looked whether they have missed too many.
const firstRead = 256

// Since reads what came after an entry, again and again until Redis answers.
func (h *History) Since(channel string, after eventstream.EntryID, most int, done func(hub.Past)) {
	h.untilDone(channel, done, func(ctx context.Context) (hub.Past, error) {
		return h.since(ctx, channel, after, most)
	})
}

// Newest reads the newest n, in the same way.
func (h *History) Newest(channel string, n int, done func(hub.Past)) {
	h.untilDone(channel, done, func(ctx context.Context) (hub.Past, error) {
		return h.newest(ctx, channel, n, "")
	})
}

// untilDone tries until it succeeds, or nobody follows the channel any more.
func (h *History) untilDone(channel string, done func(hub.Past), try func(context.Context) (hub.Past, error)) {
	h.spawn(func() {
		var pause backoff
		for c := h.channel(channel); c != nil && h.ctx.Err() == nil; c = h.channel(channel) {
			ctx, cancel := context.WithTimeout(h.ctx, readTimeout)
			past, err := try(ctx)
			cancel()
			if err == nil {
				h.readable(c)
				done(past)
				c.compare(past)
				return
			}
			wait := pause.next()
			if bus.Final(err) || isAnswer(err) && pause.tries >= maxTries {
				h.refused(c, err, false)
				wait = jitter.Spread(againLate, 0.5)
			}
			select {
			case <-time.After(wait):
			case <-h.ctx.Done():
			}
		}
	})
}

// compare has the channel's Redis stream read if those who come back may have
// been told of more than was handed over here.
func (c *channel) compare(past hub.Past) {
	newest := past.Start
	if n := len(past.Entries); n > 0 {
		newest = past.Entries[n-1].ID
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if past.Lost != "" || newest != c.last {
		c.want()
	}
}

func (h *History) since(ctx context.Context, channel string, after eventstream.EntryID, most int) (hub.Past, error) {
	count := min(firstRead, most+1)
	v, err := h.from(ctx, channel, after, count)
	if err == nil && !v.startsAt(after) && !v.isFull {
		// Something is missing: only what there is to know of it says what.
		v, err = h.inspect(ctx, channel, count, "XRANGE", channel, after.String(), "+", "COUNT", count)
	}
	switch {
	case err != nil:
		return hub.Past{}, err
	case v.isFull:
		return h.newest(ctx, channel, most, eventstream.Overflow)
	case v.startsAt(after):
		return hub.Past{Start: after, Entries: v.entries[1:]}, nil
	}
	past := hub.Past{Start: after, Entries: v.entries}
	i := v.info
	switch {
	case i.length == 0 || i.first.Compare(after) > 0:
		past.Start, past.Lost = beginning(i)
	case i.maxDeleted.Compare(after) < 0:
		past.Lost = eventstream.Unknown
	}
	return past, nil
}

func (h *History) newest(ctx context.Context, channel string, n int, before eventstream.Reason) (hub.Past, error) {
	v, err := h.inspect(ctx, channel, n+1, "XREVRANGE", channel, "+", "-", "COUNT", n+1)
	if err != nil {
		return hub.Past{}, err
	}
	slices.Reverse(v.entries)
	if v.isFull && len(v.entries) > 0 {
		return hub.Past{Start: v.entries[0].ID, Entries: v.entries[1:], Before: before}, nil
	}
	past := hub.Past{Entries: v.entries}
	past.Start, past.Lost = beginning(v.info)
	return past, nil
}

// beginning is before all entries that there are.
func beginning(i *info) (start eventstream.EntryID, lost eventstream.Reason) {
	if i.removed() > 0 || i.added < 0 {
		lost = eventstream.Trimmed
	}
	return eventstream.EntryID{}, lost
}

func (h *History) from(ctx context.Context, channel string, id eventstream.EntryID, count int) (view, error) {
	pipe := h.bus.Client().Pipeline()
	parse := readFrom(ctx, pipe, channel, id, count)
	_, _ = pipe.Exec(ctx) // the command has its own error
	return parse()
}

func (h *History) inspect(ctx context.Context, channel string, count int, command ...any) (view, error) {
	pipe := h.bus.Client().Pipeline()
	parse := inspect(ctx, pipe, channel, count, command...)
	_, _ = pipe.Exec(ctx) // each command has its own error
	return parse()
}
