package feed

import (
	"slices"

	"github.com/caddy-sse/caddy-sse/internal/broker"
	"github.com/caddy-sse/caddy-sse/internal/protocol"
)

// accept hands over what was read, after a gap if it cannot be known to come right
// after the last entry, and reports whether there is more to read.
func (c *channel) accept(snap broker.Snapshot) (more bool) {
	switch {
	case !c.begun:
		c.begun = true
		c.entrySize.Store(snap.Info.EntrySize)
		c.startAt(snap.Info)
		c.confirm()
		c.follower.Begin(c.last)
		return false
	case snap.Info == nil:
		if !startsAt(snap, c.last) {
			c.inDoubt = true
			return true
		}
		snap.Entries = snap.Entries[1:]
	case !c.marked && c.feed.broker.Counts() && c.known().showsEnd(snap):
		c.inDoubt, c.toMark = true, true
		return true
	default:
		reason := c.known().detectGap(snap)
		if reason != "" {
			if c.rereads++; (changed(snap) || c.marked) && c.rereads <= maxRereads {
				c.inDoubt, c.toMark = true, c.marked
				return true
			}
			c.gap(reason, snap)
		} else if snap.Info.IsGone() {
			c.added, c.wasThere = 0, false
		}
	}
	c.inDoubt, c.rereads = false, 0
	c.matchEntries(len(snap.Entries))
	c.deliver(snap.Entries)
	c.countAdded(snap)
	if !snap.IsFull {
		c.confirm()
	}
	return snap.IsFull
}

// maxRereads is how often a Redis stream that changed while it was read is read
// once more before it counts as a gap that something may be missing.
const maxRereads = 3

// startAt makes the newest entry that there ever was the last one.
func (c *channel) startAt(i *broker.Info) {
	c.last, c.wasThere, c.added = i.Top, i.TopIsThere, i.Added
}

// countAdded takes down how many entries had been added up to the last one, where
// the snapshot says so.
func (c *channel) countAdded(snap broker.Snapshot) {
	for _, i := range []*broker.Info{snap.Before, snap.Info} {
		if i != nil && i.Top == c.last {
			c.added = i.Added
		}
	}
}

// confirm says that all that was heard of before the read has been handed over.
func (c *channel) confirm() {
	isAll := c.confirmed == c.atRead.interruptions
	c.confirmed = c.atRead.interruptions
	c.notifications.settle(c.atRead.notifications, isAll)
	c.atRead.notifications = notificationCount{}
	c.promised = protocol.EntryID{}
}

// gap tells the follower, and goes on right before the next entry.
func (c *channel) gap(reason protocol.Reason, snap broker.Snapshot) {
	if c.startAt(snap.Info); snap.Before != nil {
		c.startAt(snap.Before) // an entry that came after it will be read
	}
	if len(snap.Entries) > 0 {
		c.last, c.wasThere, c.added = snap.Entries[0].ID.Before(), false, -1
	}
	c.follower.Gap(reason, c.last)
}

// A known is what is known of a Redis stream up to the last entry that was handed
// over.
type known struct {
	last protocol.EntryID
	// wasThere: last is an entry that was seen. Else the Redis stream was empty,
	// or its newest entry was deleted.
	wasThere bool
	// added is how many entries had been added up to there in the Redis stream's
	// life; -1 if that is not known.
	added int64
	// attended: each entry that was added since has been heard of, as far as
	// there was time for it.
	attended bool
	// notifications are what keyspace notifications have said since.
	notifications notificationCount
	// promised is an entry that was seen since; zero if none was.
	promised protocol.EntryID
}

func (c *channel) known() known {
	return known{
		last: c.last, wasThere: c.wasThere, added: c.added,
		attended:      c.confirmed == c.interruptions.Load() && c.feed.broker.Covers(c.name),
		notifications: c.notifications, promised: c.promised,
	}
}

// detectGap says why entries may be missing between the last one and those of the
// snapshot, which were read after it; empty if none can be.
//
// A Redis stream counts the entries that are added in its life: if as many are
// there as were added since, none is missing. The life may have ended, by DEL or
// expiry, and a new one begun, which nothing marks: that the old one had no more
// entries is known only if they would have been heard of; see notificationCount. (An
// entry that was added and deleted within the millisecond in which the gateway does
// not look counts as withdrawn, as one deleted by XDEL does.)
func (k known) detectGap(snap broker.Snapshot) protocol.Reason {
	i := snap.Info
	zero := protocol.EntryID{}
	hasOlder := i.First != zero && i.First.Compare(k.last) <= 0
	isWhole := i.Added >= 0 && i.Removed() == 0
	switch {
	case i.Top == k.last:
		return "" // nothing was added
	case i.IsGone():
		if k.attended && !k.notifications.haveMore(0) && k.promised == zero {
			return ""
		}
		return protocol.Reset
	case i.Top.Compare(k.last) < 0:
		return protocol.Reset
	case hasOlder && k.last != zero && k.added == 0:
		return protocol.Reset // the key was gone: this is a new life with lower IDs
	case hasOlder:
		// What is removed but by XDEL is the oldest, so what came later is there.
		if i.First == k.last || !k.wasThere || i.MaxDeleted.Compare(k.last) >= 0 {
			return ""
		}
		return protocol.Reset
	case k.added >= 0 && i.Added-k.added == i.Length && (k.attended || !k.wasThere):
		return "" // all that was added since is there
	case i.Added < 0 && !k.wasThere:
		return "" // Redis 6 does not count
	case isWhole && k.attended && !k.notifications.haveMore(i.Length) && (k.promised == zero || has(snap, k.promised)):
		return "" // a new life, all of which is there
	case isWhole:
		return protocol.Reset
	}
	return protocol.Trimmed
}

func has(snap broker.Snapshot, id protocol.EntryID) bool {
	return slices.ContainsFunc(snap.Entries, func(e protocol.Entry) bool { return e.ID == id })
}

// changed reports whether the Redis stream changed while it was read.
func changed(snap broker.Snapshot) bool { return snap.Before != nil && *snap.Before != *snap.Info }

// startsAt reports whether the first entry has that ID: then none can be missing
// between it and the others.
func startsAt(snap broker.Snapshot, id protocol.EntryID) bool {
	return len(snap.Entries) > 0 && snap.Entries[0].ID == id
}
