package history

import (
	"context"
	"errors"
	"net"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"github.com/caddy-sse/caddy-sse/internal/bus"
	"github.com/caddy-sse/caddy-sse/internal/eventstream"
	"github.com/caddy-sse/caddy-sse/internal/hub"
	"github.com/caddy-sse/caddy-sse/internal/jitter"
)

const (
	// maxBackfills is how many reads for those who come back are under way at once.
	maxBackfills = 8
	// firstRead is how many entries one reads while their size is not known.
	firstRead = 16
	// maxRead is how many it reads at most.
	maxRead = 512
	// giveUp is after how long a history that cannot be read, though Redis is there,
	// is given up: somebody who is told of a gap can do something, and somebody who
	// is told nothing cannot.
	giveUp = 20 * time.Second
)

// Since reads what came after an entry; see [hub.Source].
func (h *History) Since(name string, after eventstream.EntryID, most, bytes int, done func(hub.Backfill)) {
	h.backfill(name, bytes, done, func(r *backfillReader) (hub.Backfill, error) { return r.since(after, most) })
}

// Newest reads the newest n; see [hub.Source].
func (h *History) Newest(name string, n, bytes int, done func(hub.Backfill)) {
	h.backfill(name, bytes, done, func(r *backfillReader) (hub.Backfill, error) { return r.newest(n) })
}

// Unread is how often a history could not be read for those who came back.
func (h *History) Unread() uint64 { return h.unread.Load() }

// backfill tries until it succeeds, it is of no use, or nobody follows the channel
// any more. While Redis is away, it waits. What takes too long is tried again with
// half as many entries, and one entry with twice the time.
func (h *History) backfill(name string, bytes int, done func(hub.Backfill), read func(*backfillReader) (hub.Backfill, error)) {
	h.spawn(func() {
		r := &backfillReader{history: h, bytes: bytes, most: maxRead}
		timeout, failing, pause := readTimeout, time.Time{}, backoff{}
		for r.channel = h.channel(name); r.channel != nil; r.channel = h.channel(name) {
			result, err := r.try(timeout, read)
			switch {
			case h.ctx.Err() != nil:
				return
			case err == nil:
				h.readable(r.channel)
				done(result)
				r.channel.compare(result)
				return
			case h.disconnected.Load():
				failing = time.Time{}
			case failing.IsZero():
				failing = time.Now()
			}
			if !failing.IsZero() && time.Since(failing) > giveUp && isTimeout(err) {
				h.unread.Add(1)
				h.unreadable.Do(func(suppressed int) {
					h.log().Error("a channel's history cannot be read in time; who came back for it is told of a gap",
						zap.String("channel", name), zap.Int("others_meanwhile", suppressed), zap.Error(err))
				})
				done(hub.Backfill{Failed: true})
				return
			}
			wait := pause.next()
			switch {
			case isLoading(err):
				wait = pause.whileLoading()
			case bus.Final(err) || isAnswer(err) && pause.tries >= maxTries:
				h.refused(r.channel, err, false)
				wait = jitter.Spread(againLate, 0.5)
			case isTimeout(err):
				wait = jitter.Spread(firstPause, 0.5)
				if r.asked == 1 {
					timeout = min(2*timeout, giveUp)
				}
				r.most = max(1, r.asked/2)
			}
			select {
			case <-time.After(wait):
			case <-h.ctx.Done():
			}
		}
	})
}

func isTimeout(err error) bool {
	var failed net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &failed) && failed.Timeout()
}

// A backfillReader reads a part of a channel's history, of about so many bytes. Redis
// counts entries, so their number is made of the size of those that came before.
type backfillReader struct {
	history *History
	channel *channel
	bytes   int
	most    int // entries
	asked   int // entries, the last time

	ctx    context.Context
	client *redis.Client
}

// try tries once, in its turn.
func (r *backfillReader) try(timeout time.Duration, read func(*backfillReader) (hub.Backfill, error)) (hub.Backfill, error) {
	h := r.history
	if err := h.backfills.Acquire(h.ctx, 1); err != nil {
		return hub.Backfill{}, err
	}
	defer h.backfills.Release(1)
	r.client = h.bus.Client().WithTimeout(timeout)
	ctx, cancel := context.WithTimeout(h.ctx, 2*timeout) // a read may take several commands
	defer cancel()
	r.ctx = ctx
	return read(r)
}

// count is how many entries to read.
func (r *backfillReader) count() int {
	r.asked = min(r.channel.entriesIn(r.bytes, firstRead), r.most)
	return r.asked
}

func (r *backfillReader) since(after eventstream.EntryID, most int) (hub.Backfill, error) {
	count := r.count() + 1 // the entry itself proves that nothing is missing
	snap, err := snapshot{}, error(nil)
	if after != (eventstream.EntryID{}) {
		snap, err = r.read(func(pipe redis.Pipeliner) func() (snapshot, error) {
			return readFrom(r.ctx, pipe, r.channel.name, after, count)
		})
	}
	if err == nil && !snap.startsAt(after) {
		// Something is missing: only what there is to know of it says what.
		snap, err = r.inspect(count, "XRANGE", r.channel.name, after.String(), "+", "COUNT", count)
	}
	if err != nil {
		return hub.Backfill{}, err
	}
	r.channel.measure(snap.entries)
	result := hub.Backfill{Start: after, Entries: snap.entries, More: snap.isFull && len(snap.entries) > 0}
	if snap.startsAt(after) {
		result.Entries = snap.entries[1:]
		result.More = snap.isFull && len(result.Entries) > 0
	} else if i := snap.info; i.length == 0 || i.first.Compare(after) > 0 {
		result.Start, result.GapAtStart = beginning(i)
	} else if i.maxDeleted.Compare(after) < 0 {
		result.GapAtStart = eventstream.Unknown
	}
	if most > 0 && result.More {
		return r.atMost(result, most)
	}
	return result, nil
}

// atMost reads the newest entries instead, if there are more than that.
func (r *backfillReader) atMost(result hub.Backfill, most int) (hub.Backfill, error) {
	length, err := r.client.XLen(r.ctx, r.channel.name).Result()
	if err != nil || length <= int64(most) {
		return result, err
	}
	start, isAll, err := r.tail(most)
	if err != nil || isAll || start.Compare(result.Start) <= 0 {
		return result, err
	}
	result, err = r.since(start, 0)
	result.GapBefore = eventstream.Overflow
	return result, err
}

func (r *backfillReader) newest(n int) (hub.Backfill, error) {
	if n > r.channel.entriesIn(r.bytes, firstRead) || n > r.most {
		start, isAll, err := r.tail(n)
		if err != nil {
			return hub.Backfill{}, err
		}
		if isAll {
			start = eventstream.EntryID{}
		}
		return r.since(start, 0)
	}
	r.asked = n
	snap, err := r.inspect(n+1, "XREVRANGE", r.channel.name, "+", "-", "COUNT", n+1)
	if err != nil {
		return hub.Backfill{}, err
	}
	slices.Reverse(snap.entries)
	r.channel.measure(snap.entries)
	if snap.isFull && len(snap.entries) > 0 {
		return hub.Backfill{Start: snap.entries[0].ID, Entries: snap.entries[1:]}, nil
	}
	result := hub.Backfill{Entries: snap.entries}
	result.Start, result.GapAtStart = beginning(snap.info)
	return result, nil
}

// beginning is before all entries that there are.
func beginning(i *info) (start eventstream.EntryID, lost eventstream.Reason) {
	if i.removed() > 0 || i.added < 0 {
		lost = eventstream.Trimmed
	}
	return eventstream.EntryID{}, lost
}

func (r *backfillReader) inspect(count int, command ...any) (snapshot, error) {
	return r.read(func(pipe redis.Pipeliner) func() (snapshot, error) {
		return inspect(r.ctx, pipe, r.channel.name, count, command...)
	})
}

func (r *backfillReader) read(parts func(redis.Pipeliner) func() (snapshot, error)) (snapshot, error) {
	pipe := r.client.Pipeline()
	parse := parts(pipe)
	_, _ = pipe.Exec(r.ctx) // each command has its own error
	return parse()
}

// compare has the channel's Redis stream read if those who come back may have
// been told of more than was handed over here.
func (c *channel) compare(result hub.Backfill) {
	if result.More {
		return
	}
	newest := result.Start
	if n := len(result.Entries); n > 0 {
		newest = result.Entries[n-1].ID
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if result.GapAtStart != "" || newest != c.last {
		c.scheduleRead()
	}
}
