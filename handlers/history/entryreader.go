package history

import (
	"cmp"
	"context"
	"slices"

	"github.com/caddy-sse/caddy-sse/handlers/page"
	"github.com/caddy-sse/caddy-sse/internal/broker"
	"github.com/caddy-sse/caddy-sse/internal/protocol"
)

// firstCount is how many entries are read first, while their size is not known.
const firstCount = 4

// An entryReader reads a channel's history in batches of about page.BatchBytes: Redis
// counts entries, so each count is made of the sizes that came before.
type entryReader struct {
	archive broker.Archive
	channel string
	hold    *page.Hold
	count   int  // of the next batch
	isAtEnd bool // the newest batch was the last one
}

// oldest reads the oldest entries of a range, n at most.
func (r *entryReader) oldest(ctx context.Context, p broker.Page, n int) ([]protocol.Entry, error) {
	p.Oldest, p.Limit = true, n
	batch, _, err := r.read(ctx, p)
	return batch, err
}

// read reads one batch, of p.Limit entries at most, and returns its size.
func (r *entryReader) read(ctx context.Context, p broker.Page) (batch []protocol.Entry, bytes int, err error) {
	p.Limit = min(p.Limit, cmp.Or(r.count, firstCount))
	err = r.hold.Read(ctx, func() (err error) {
		batch, err = r.archive.Entries(ctx, r.channel, p)
		return err
	})
	if err != nil {
		return nil, 0, err
	}
	for _, e := range batch {
		bytes += sizeOf(e)
	}
	r.isAtEnd = len(batch) < p.Limit
	if len(batch) > 0 {
		r.count = min(max(page.BatchBytes*len(batch)/max(bytes, 1), 1), 8*p.Limit, MaxLimit)
	}
	return batch, bytes, r.hold.Grow(ctx, bytes)
}

// A found page is what was looked for backwards.
type found struct {
	isSet       bool
	first, last protocol.EntryID
	next        string
}

// isPast reports whether the entry is newer than the page.
func (f found) isPast(id protocol.EntryID) bool { return f.isSet && id.Compare(f.last) > 0 }

// newest looks for the newest entries of a range, and returns them, if they are no
// more than two batches; else none, and where they are.
func (r *entryReader) newest(ctx context.Context, p broker.Page) (held []protocol.Entry, f found, err error) {
	f.isSet = true
	n, bytes, limit := 0, 0, p.Limit
	isHeld := true
	for {
		p.Limit = limit - n + 1 // to know whether there is more
		batch, _, err := r.read(ctx, p)
		if err != nil {
			return nil, f, err
		}
		if n == 0 && len(batch) > 0 {
			f.last = batch[len(batch)-1].ID
			f.first = f.last
		}
		taken := 0
		for _, entry := range slices.Backward(batch) {
			if n > 0 && (n == limit || bytes+sizeOf(entry) > pageBytes) {
				f.next = f.first.String()
				break
			}
			n++
			bytes += sizeOf(entry)
			f.first = entry.ID
			taken++
		}
		if isHeld = isHeld && bytes <= 2*page.BatchBytes; isHeld {
			held = slices.Concat(batch[len(batch)-taken:], held)
		} else {
			held = nil
		}
		if f.next != "" || r.isAtEnd {
			r.isAtEnd = n == 0
			return held, f, nil
		}
		p.Before = f.first
	}
}

// sizeOf is about how many bytes an entry takes.
func sizeOf(e protocol.Entry) int {
	n := 64
	for _, f := range e.Fields {
		n += len(f) + 16
	}
	return n
}
