package feed

import (
	"context"

	"github.com/caddy-sse/caddy-sse/internal/broker"
	"github.com/caddy-sse/caddy-sse/internal/protocol"
)

// tail is the entry that the newest n come after, or that there are no more than
// these.
func (r *backfillReader) tail(n int) (id protocol.EntryID, isAll bool, err error) {
	step := r.back
	left := n + 1
	for left > 0 && !isAll {
		before := left
		id, left, isAll, err = step(id, left)
		if broker.Answered(err) && left == before {
			// Going back is denied, or the broker is full: read, and drop what was read.
			step = r.backByReading
			id, left, isAll, err = step(id, left)
		}
		if err != nil {
			return protocol.EntryID{}, false, err
		}
	}
	return id, isAll, nil
}

// back goes back some entries.
func (r *backfillReader) back(at protocol.EntryID, n int) (to protocol.EntryID, left int, isStart bool, err error) {
	ctx, cancel := context.WithTimeout(r.ctx, r.timeout)
	defer cancel()
	return r.feed.broker.Back(ctx, r.channel.name, at, n)
}

func (r *backfillReader) backByReading(at protocol.EntryID, n int) (to protocol.EntryID, left int, isStart bool, err error) {
	snap, err := r.read(broker.Read{Newest: true, Before: at, Count: min(n, r.count())})
	if err != nil || len(snap.Entries) == 0 {
		return at, n, err == nil, err
	}
	r.channel.measure(snap.Entries)
	return snap.Entries[0].ID, n - len(snap.Entries), !snap.IsFull, nil
}
