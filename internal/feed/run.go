package feed

import (
	"context"

	"github.com/caddy-sse/caddy-sse/internal/broker"
	"github.com/caddy-sse/caddy-sse/internal/protocol"
)

// A Run is where in a channel's history its newest run is, as of when it was read.
type Run struct {
	// Newest is the newest entry's ID; zero: there is no entry.
	Newest protocol.EntryID
	// HasEnded: the newest entry is the end of a run.
	HasEnded bool
	// Start is the newest entry with which a run begins; zero: there is none among those
	// that were looked at, so that it begins where the history does.
	Start protocol.EntryID
}

// runPageBytes is about how many bytes are read at once to find where a run begins: of
// the first entries, whose size is not known, there are [firstRead].
const runPageBytes = 256 << 10

// Run reads where the channel's newest run is. It looks for the start among so many of
// the newest entries; 0: not at all. It returns when the context ends at the latest, and
// no more than [maxBackfills] are read at once.
func (f *Feed) Run(ctx context.Context, channel string, most int) (Run, error) {
	if err := f.backfills.Acquire(ctx, 1); err != nil {
		return Run{}, err
	}
	defer f.backfills.Release(1)
	var run Run
	before, page := protocol.EntryID{}, firstRead
	for left := max(most, 1); left > 0; {
		snap := f.broker.Read(ctx, []broker.Read{{Channel: channel, Newest: true, Before: before, Count: min(page, left)}}, false)[0]
		if snap.Err != nil {
			return Run{}, snap.Err
		}
		if run.read(snap.Entries) || !snap.IsFull || len(snap.Entries) == 0 {
			return run, nil
		}
		before = snap.Entries[0].ID
		left -= len(snap.Entries)
		page = pageAfter(snap.Entries)
	}
	return run, nil
}

// read takes the entries before those that were read, and reports whether the start is
// among them.
func (r *Run) read(entries []protocol.Entry) (isFound bool) {
	for i := len(entries) - 1; i >= 0; i-- {
		e := entries[i]
		if r.Newest == (protocol.EntryID{}) {
			r.Newest = e.ID
			_, r.HasEnded = e.End()
		}
		if e.IsStart() {
			r.Start = e.ID
			return true
		}
	}
	return false
}

// pageAfter is how many entries to read next, if they are as large as those before.
func pageAfter(entries []protocol.Entry) int {
	bytes := 0
	for _, e := range entries {
		bytes += broker.SizeOf(e)
	}
	return min(max(1, runPageBytes*len(entries)/bytes), maxRead)
}
