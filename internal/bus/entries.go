package bus

import (
	"context"
	"math"
	"slices"

	"github.com/caddy-sse/caddy-sse/internal/eventstream"
)

// A Page is a part of a channel's history.
type Page struct {
	// After and Before are the IDs that the page lies between; entries with
	// these IDs are not in it. The zero value is no limit.
	After, Before eventstream.EntryID
	// Limit is how many entries the page has at most, from 1.
	Limit int
	// Oldest says which entries the page has if there are more: the oldest, else
	// the newest.
	Oldest bool
}

// Entries reads a page of the channel's history, in the order of time. A channel
// without a history has no entries. It fails within some seconds when Redis is
// away; see also [Denied] and [NotHistory].
func (b *Bus) Entries(ctx context.Context, channel string, p Page) ([]eventstream.Entry, error) {
	if p.After == (eventstream.EntryID{Ms: math.MaxUint64, Seq: math.MaxUint64}) {
		return nil, nil // there is no ID after it, and Redis refuses to look for one
	}
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	first, last := "-", "+"
	if p.After != (eventstream.EntryID{}) {
		first = "(" + p.After.String()
	}
	if p.Before != (eventstream.EntryID{}) {
		last = "(" + p.Before.String()
	}
	args := []any{"XREVRANGE", channel, last, first, "COUNT", p.Limit}
	if p.Oldest {
		args = []any{"XRANGE", channel, first, last, "COUNT", p.Limit}
	}
	reply, err := b.client.Do(ctx, args...).Slice()
	if err != nil {
		return nil, err
	}
	entries, err := ParseEntries(reply)
	if !p.Oldest {
		slices.Reverse(entries)
	}
	return entries, err
}
