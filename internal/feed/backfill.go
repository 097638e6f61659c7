package feed

import (
	"context"
	"errors"
	"net"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-sse/caddy-sse/internal/broker"
	"github.com/caddy-sse/caddy-sse/internal/hub"
	"github.com/caddy-sse/caddy-sse/internal/jitter"
	"github.com/caddy-sse/caddy-sse/internal/protocol"
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
func (f *Feed) Since(name string, after protocol.EntryID, most, bytes int, done func(hub.Backfill)) {
	f.backfill(name, bytes, done, func(r *backfillReader) (hub.Backfill, error) { return r.since(after, most) })
}

// Newest reads the newest n; see [hub.Source].
func (f *Feed) Newest(name string, n, bytes int, done func(hub.Backfill)) {
	f.backfill(name, bytes, done, func(r *backfillReader) (hub.Backfill, error) { return r.newest(n) })
}

// Unread is how often a history could not be read for those who came back.
func (f *Feed) Unread() uint64 { return f.unread.Load() }

// backfill tries until it succeeds, it is of no use, or nobody follows the channel
// any more. While Redis is away, it waits. What takes too long is tried again with
// half as many entries, and one entry with twice the time.
func (f *Feed) backfill(name string, bytes int, done func(hub.Backfill), read func(*backfillReader) (hub.Backfill, error)) {
	f.spawn(func() {
		r := &backfillReader{feed: f, bytes: bytes, most: maxRead}
		timeout, failing, pause := readTimeout, time.Time{}, backoff{}
		for r.channel = f.channel(name); r.channel != nil; r.channel = f.channel(name) {
			result, err := r.try(timeout, read)
			switch {
			case f.ctx.Err() != nil:
				return
			case err == nil:
				f.readable(r.channel)
				done(result)
				r.channel.compare(result)
				return
			case f.disconnected.Load():
				failing = time.Time{}
			case failing.IsZero():
				failing = time.Now()
			}
			if !failing.IsZero() && time.Since(failing) > giveUp && isTimeout(err) {
				f.unread.Add(1)
				f.unreadable.Do(func(suppressed int) {
					f.log().Error("a channel's history cannot be read in time; who came back for it is told of a gap",
						zap.String("channel", name), zap.Int("others_meanwhile", suppressed), zap.Error(err))
				})
				done(hub.Backfill{Failed: true})
				return
			}
			wait := pause.next()
			switch {
			case isLoading(err):
				wait = pause.whileLoading()
			case broker.Final(err) || broker.Answered(err) && pause.tries >= maxTries:
				f.refused(r.channel, err, false)
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
			case <-f.ctx.Done():
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
	feed    *Feed
	channel *channel
	bytes   int
	most    int // entries
	asked   int // entries, the last time

	ctx     context.Context
	timeout time.Duration // of a command
}

// try tries once, in its turn.
func (r *backfillReader) try(timeout time.Duration, read func(*backfillReader) (hub.Backfill, error)) (hub.Backfill, error) {
	f := r.feed
	if err := f.backfills.Acquire(f.ctx, 1); err != nil {
		return hub.Backfill{}, err
	}
	defer f.backfills.Release(1)
	ctx, cancel := context.WithTimeout(f.ctx, 2*timeout) // a read may take several commands
	defer cancel()
	r.ctx, r.timeout = ctx, timeout
	return read(r)
}

// count is how many entries to read.
func (r *backfillReader) count() int {
	r.asked = min(r.channel.entriesIn(r.bytes, firstRead), r.most)
	return r.asked
}

func (r *backfillReader) since(after protocol.EntryID, most int) (hub.Backfill, error) {
	count := r.count() + 1 // the entry itself proves that nothing is missing
	var snap broker.Snapshot
	var err error
	if after != (protocol.EntryID{}) {
		snap, err = r.read(broker.Read{From: after, Count: count})
	}
	if err == nil && !startsAt(snap, after) {
		// Something is missing: only what there is to know of it says what.
		snap, err = r.read(broker.Read{From: after, Count: count, InfoAfter: true})
	}
	if err != nil {
		return hub.Backfill{}, err
	}
	r.channel.measure(snap.Entries)
	result := hub.Backfill{Start: after, Entries: snap.Entries, More: snap.IsFull && len(snap.Entries) > 0}
	if startsAt(snap, after) {
		result.Entries = snap.Entries[1:]
		result.More = snap.IsFull && len(result.Entries) > 0
	} else if i := snap.Info; i.Length == 0 || i.First.Compare(after) > 0 {
		result.Start, result.GapAtStart = beginning(i)
	} else if i.MaxDeleted.Compare(after) < 0 {
		result.GapAtStart = protocol.Unknown
	}
	if most > 0 && result.More {
		return r.atMost(result, most)
	}
	return result, nil
}

// atMost reads the newest entries instead, if there are more than that.
func (r *backfillReader) atMost(result hub.Backfill, most int) (hub.Backfill, error) {
	ctx, cancel := context.WithTimeout(r.ctx, r.timeout)
	defer cancel()
	length, err := r.feed.broker.Length(ctx, r.channel.name)
	if err != nil || length <= int64(most) {
		return result, err
	}
	start, isAll, err := r.tail(most)
	if err != nil || isAll || start.Compare(result.Start) <= 0 {
		return result, err
	}
	result, err = r.since(start, 0)
	result.GapBefore = protocol.Overflow
	return result, err
}

func (r *backfillReader) newest(n int) (hub.Backfill, error) {
	if n > r.channel.entriesIn(r.bytes, firstRead) || n > r.most {
		start, isAll, err := r.tail(n)
		if err != nil {
			return hub.Backfill{}, err
		}
		if isAll {
			start = protocol.EntryID{}
		}
		return r.since(start, 0)
	}
	r.asked = n
	snap, err := r.read(broker.Read{Newest: true, Count: n + 1, InfoAfter: true})
	if err != nil {
		return hub.Backfill{}, err
	}
	r.channel.measure(snap.Entries)
	if snap.IsFull && len(snap.Entries) > 0 {
		return hub.Backfill{Start: snap.Entries[0].ID, Entries: snap.Entries[1:]}, nil
	}
	result := hub.Backfill{Entries: snap.Entries}
	result.Start, result.GapAtStart = beginning(snap.Info)
	return result, nil
}

// beginning is before all entries that there are.
func beginning(i *broker.Info) (start protocol.EntryID, lost protocol.Reason) {
	if i.Removed() > 0 || i.Added < 0 {
		lost = protocol.Trimmed
	}
	return protocol.EntryID{}, lost
}

func (r *backfillReader) read(what broker.Read) (broker.Snapshot, error) {
	ctx, cancel := context.WithTimeout(r.ctx, r.timeout)
	defer cancel()
	what.Channel = r.channel.name
	snap := r.feed.broker.Read(ctx, []broker.Read{what}, false)[0]
	return snap, snap.Err
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
