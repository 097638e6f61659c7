package history

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-sse/caddy-sse/internal/bus"
	"github.com/caddy-sse/caddy-sse/internal/eventstream"
)

// A snapshot is what was read of a Redis stream. Its parts are read by one command
// after another, never in a transaction: a Redis whose memory is full refuses to
// queue commands (https://redis.io/docs/latest/develop/reference/eviction/), but
// not to read.
type snapshot struct {
	entries []eventstream.Entry
	isFull  bool // there may be more
	// info is what XINFO said after the entries were read; nil if it was not
	// asked. What had not been removed by then, had not been when they were read.
	info *info
	// before is what XINFO said before; nil if it was not asked.
	before *info
}

// changed reports whether the Redis stream changed while it was read.
func (snap *snapshot) changed() bool { return snap.before != nil && *snap.before != *snap.info }

// startsAt reports whether the first entry has that ID: then none can be missing
// between it and the others.
func (snap *snapshot) startsAt(id eventstream.EntryID) bool {
	return len(snap.entries) > 0 && snap.entries[0].ID == id
}

// An info is what XINFO STREAM says.
type info struct {
	length     int64
	first      eventstream.EntryID // zero if it is empty
	top        eventstream.EntryID // the newest that there ever was
	topIsThere bool
	// How many entries have been added in its life; -1 before Redis 7, which
	// does not count them.
	added int64
	// The newest that was deleted by XDEL; zero if there is none, and before
	// Redis 7.
	maxDeleted eventstream.EntryID
	// entrySize is about how many bytes an entry has; 0 if there is none.
	entrySize int64
}

// isGone reports whether there is no such key.
func (i *info) isGone() bool {
	return i.added == 0 && i.length == 0 && i.top == (eventstream.EntryID{})
}

// removed is how many entries were taken out of it in its life; 0 if that is
// not known.
func (i *info) removed() int64 {
	if i.added < 0 {
		return 0
	}
	return i.added - i.length
}

// readFrom reads entries from the one with that ID on.
func readFrom(ctx context.Context, pipe redis.Pipeliner, channel string, from eventstream.EntryID, count int) func() (snapshot, error) {
	cmd := pipe.Do(ctx, "XRANGE", channel, from.String(), "+", "COUNT", count)
	return func() (snapshot, error) {
		reply, err := cmd.Slice()
		if err != nil {
			return snapshot{}, err
		}
		return parseSnapshot(reply, count)
	}
}

// readAfter reads entries after the one with that ID, or all, and what there is
// to know of the Redis stream, before and after.
func readAfter(ctx context.Context, pipe redis.Pipeliner, channel string, after eventstream.EntryID, count int) func() (snapshot, error) {
	from := "(" + after.String()
	switch after {
	case eventstream.EntryID{}:
		from = "-"
	case eventstream.EntryID{Ms: math.MaxUint64, Seq: math.MaxUint64}:
		from = after.String() // there is no ID after it, and Redis refuses to look for one
	}
	before := readTop(ctx, pipe, channel)
	parse := inspect(ctx, pipe, channel, count, "XRANGE", channel, from, "+", "COUNT", count)
	return func() (snapshot, error) {
		top, err := before()
		if err != nil {
			return snapshot{}, err
		}
		snap, err := parse()
		snap.before = top.info
		return snap, err
	}
}

// readTop reads what there is to know of the Redis stream, and no entries.
func readTop(ctx context.Context, pipe redis.Pipeliner, channel string) func() (snapshot, error) {
	cmd := pipe.Do(ctx, "XINFO", "STREAM", channel)
	return func() (snapshot, error) {
		reply, err := cmd.Result()
		if err != nil {
			reply = err // it may say that there is no such key
		}
		i, err := parseInfo(reply)
		return snapshot{info: i}, err
	}
}

// inspect reads entries by that command, and then what there is to know of the
// Redis stream.
func inspect(ctx context.Context, pipe redis.Pipeliner, channel string, count int, command ...any) func() (snapshot, error) {
	entries := pipe.Do(ctx, command...)
	after := readTop(ctx, pipe, channel)
	return func() (snapshot, error) {
		reply, err := entries.Slice()
		if err != nil {
			return snapshot{}, err
		}
		snap, err := parseSnapshot(reply, count)
		if err != nil {
			return snapshot{}, err
		}
		top, err := after()
		snap.info = top.info
		return snap, err
	}
}

func parseSnapshot(reply []any, count int) (snapshot, error) {
	entries, err := bus.ParseEntries(reply)
	return snapshot{entries: entries, isFull: len(reply) == count}, err
}

// parseInfo reads the answer to XINFO STREAM; a Redis stream that does not exist
// is an empty one.
func parseInfo(reply any) (*info, error) {
	i := &info{added: -1}
	if err, failed := reply.(error); failed {
		if strings.Contains(err.Error(), "no such key") {
			i.added = 0
			return i, nil
		}
		return nil, err
	}
	list, ok := reply.([]any)
	if !ok {
		return nil, fmt.Errorf("redis answered %v to XINFO STREAM", reply)
	}
	for n := 0; n+1 < len(list); n += 2 {
		value := list[n+1]
		switch list[n] {
		case "length":
			i.length, _ = value.(int64)
		case "entries-added":
			i.added, _ = value.(int64)
		case "last-generated-id":
			i.top = idIn(value)
		case "max-deleted-entry-id":
			i.maxDeleted = idIn(value)
		case "first-entry":
			i.first = idOfEntry(value)
			i.entrySize = sizeOfEntry(value)
		case "last-entry":
			i.topIsThere = idOfEntry(value) == i.top
			i.entrySize = max(i.entrySize, sizeOfEntry(value))
		}
	}
	if i.length == 0 && i.top == (eventstream.EntryID{}) && i.added < 0 {
		return nil, errors.New("redis answered XINFO STREAM without last-generated-id")
	}
	return i, nil
}

func idIn(reply any) eventstream.EntryID {
	text, _ := reply.(string)
	id, _ := eventstream.ParseEntryID(text)
	return id
}

func idOfEntry(reply any) eventstream.EntryID {
	if entry, ok := reply.([]any); ok && len(entry) > 0 {
		return idIn(entry[0])
	}
	return eventstream.EntryID{}
}

func sizeOfEntry(reply any) int64 {
	entries, err := bus.ParseEntries([]any{reply})
	if err != nil || len(entries) == 0 {
		return 0
	}
	return int64(sizeOf(entries[0].Fields))
}
