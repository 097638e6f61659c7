package broker

import (
	"context"

	"github.com/caddy-sse/caddy-sse/internal/protocol"
)

// Histories are read by who follows them. What is read takes at most until the context
// ends.
type Histories interface {
	// Read reads of many histories at once, and returns a snapshot of each in their
	// order. If isMarked, it returns when the watchers have been told all that happened
	// before, as far as that can be known.
	Read(ctx context.Context, reads []Read, isMarked bool) []Snapshot
	// Length is how many entries the channel's history has.
	Length(ctx context.Context, channel string) (int64, error)
	// Back goes back n entries from the one before, or from the end if that is zero,
	// without sending them. It returns where it has come to, how many are left to go,
	// which is more than 0 also if it has only worked enough for once, and whether
	// there are none.
	Back(ctx context.Context, channel string, before protocol.EntryID, n int) (to protocol.EntryID, left int, isStart bool, err error)

	// Watch has the watcher told what happens to the channel's history, until Unwatch.
	// A channel has one watcher. It blocks for nobody.
	Watch(channel string, w Watcher)
	Unwatch(channel string)
	// Covers reports whether the channel's watcher is told of each entry that is added.
	Covers(channel string) bool
	// Counts reports whether watchers are told of each by [Watcher.Added].
	Counts() bool
}

// A Watcher is told what happens to a history. None of its methods may block for long,
// nor call the broker back before it returns, but for [Subscriber] and [Histories.Covers].
type Watcher interface {
	// Added says that an entry was added.
	Added()
	// Changed says that something else has happened for which to read the history.
	Changed()
	// Missed says that something may have happened that the watcher is not told. It
	// must take no lock.
	Missed()
	// Seen says that there is an entry with that ID.
	Seen(id protocol.EntryID)
	// Position is the entry after which one is news; ok is false while the history is
	// to be read anyway.
	Position() (id protocol.EntryID, ok bool)
}

// A Read is what to read of a channel's history.
type Read struct {
	Channel string
	// From is the ID of the first entry; zero: from the beginning. After: the entry
	// with that ID itself is left out.
	From  protocol.EntryID
	After bool
	// Before is the ID that all come before; zero: to the end.
	Before protocol.EntryID
	// Count is how many entries to read at most; 0: none.
	Count int
	// Newest says which, if there are more: the newest, else the oldest.
	Newest bool
	// InfoBefore and InfoAfter ask for what there is to know of the history, before
	// and after the entries are read.
	InfoBefore, InfoAfter bool
}

// A Snapshot is what was read of a history. Its parts are read one after another: it may
// have changed in between.
type Snapshot struct {
	// Entries are in the order of time.
	Entries []protocol.Entry
	// IsFull: there may be more.
	IsFull bool
	// Before and Info are what there was to know before and after; nil if that was not
	// asked. What had not been removed by then, had not been when they were read.
	Before, Info *Info
	// Err is why it could not be read.
	Err error
}

// An Info is what there is to know of a history as a whole. One that does not exist is
// empty, and nothing was ever added to it.
type Info struct {
	Length int64
	// First is the oldest entry; zero if there is none.
	First protocol.EntryID
	// Top is the newest that there ever was, and TopIsThere whether it still is.
	Top        protocol.EntryID
	TopIsThere bool
	// Added is how many entries have been added in its life; -1 if they are not
	// counted, as before Redis 7.
	Added int64
	// MaxDeleted is the newest that was deleted from among the others; zero if there
	// is none, and before Redis 7.
	MaxDeleted protocol.EntryID
	// EntrySize is about how many bytes an entry has; 0 if there is none.
	EntrySize int64
}

// IsGone reports whether there is no such history.
func (i *Info) IsGone() bool {
	return i.Added == 0 && i.Length == 0 && i.Top == (protocol.EntryID{})
}

// Removed is how many entries were taken out of it in its life; 0 if that is not known.
func (i *Info) Removed() int64 {
	if i.Added < 0 {
		return 0
	}
	return i.Added - i.Length
}

// SizeOf is about how many bytes an entry takes on its way.
func SizeOf(e protocol.Entry) int {
	n := 40
	for _, f := range e.Fields {
		n += len(f) + 8
	}
	return n
}
