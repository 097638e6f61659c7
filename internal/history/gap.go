package history

import (
	"slices"

	"github.com/caddy-sse/caddy-sse/internal/eventstream"
)

// accept hands over what was read, after a gap if it cannot be known to come right
// after the last entry, and reports whether there is more to read.
func (c *channel) accept(snap snapshot) (more bool) {
	switch {
	case !c.begun:
		c.begun = true
		c.entrySize.Store(snap.info.entrySize)
		c.startAt(snap.info)
		c.confirm()
		c.follower.Begin(c.last)
		return false
	case snap.info == nil:
		if !snap.startsAt(c.last) {
			c.inDoubt = true
			return true
		}
		snap.entries = snap.entries[1:]
	case !c.marked && c.history.notifier.isOn.Load() && c.known().showsEnd(snap):
		c.inDoubt, c.toMark = true, true
		return true
	default:
		reason := c.known().detectGap(snap)
		if reason != "" {
			if c.rereads++; (snap.changed() || c.marked) && c.rereads <= maxRereads {
				c.inDoubt, c.toMark = true, c.marked
				return true
			}
			c.gap(reason, snap)
		} else if snap.info.isGone() {
			c.added, c.wasThere = 0, false
		}
	}
	c.inDoubt, c.rereads = false, 0
	c.matchEntries(len(snap.entries))
	c.deliver(snap.entries)
	c.countAdded(snap)
	if !snap.isFull {
		c.confirm()
	}
	return snap.isFull
}

// maxRereads is how often a Redis stream that changed while it was read is read
// once more before it counts as a gap that something may be missing.
const maxRereads = 3

// startAt makes the newest entry that there ever was the last one.
func (c *channel) startAt(i *info) {
	c.last, c.wasThere, c.added = i.top, i.topIsThere, i.added
}

// countAdded takes down how many entries had been added up to the last one, where
// the snapshot says so.
func (c *channel) countAdded(snap snapshot) {
	for _, i := range []*info{snap.before, snap.info} {
		if i != nil && i.top == c.last {
			c.added = i.added
		}
	}
}

// confirm says that all that was heard of before the read has been handed over.
func (c *channel) confirm() {
	isAll := c.confirmed == c.atRead.interruptions
	c.confirmed = c.atRead.interruptions
	c.notifications.settle(c.atRead.notifications, isAll)
	c.atRead.notifications = notificationCount{}
	c.promised = eventstream.EntryID{}
}

// gap tells the follower, and goes on right before the next entry.
func (c *channel) gap(reason eventstream.Reason, snap snapshot) {
	if c.startAt(snap.info); snap.before != nil {
		c.startAt(snap.before) // an entry that came after it will be read
	}
	if len(snap.entries) > 0 {
		c.last, c.wasThere, c.added = snap.entries[0].ID.Before(), false, -1
	}
	c.follower.Gap(reason, c.last)
}

// A known is what is known of a Redis stream up to the last entry that was handed
// over.
type known struct {
	last eventstream.EntryID
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
	promised eventstream.EntryID
}

func (c *channel) known() known {
	return known{
		last: c.last, wasThere: c.wasThere, added: c.added,
		attended:      c.confirmed == c.interruptions.Load() && c.history.notifier.covers(c),
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
func (k known) detectGap(snap snapshot) eventstream.Reason {
	i := snap.info
	zero := eventstream.EntryID{}
	hasOlder := i.first != zero && i.first.Compare(k.last) <= 0
	isWhole := i.added >= 0 && i.removed() == 0
	switch {
	case i.top == k.last:
		return "" // nothing was added
	case i.isGone():
		if k.attended && !k.notifications.haveMore(0) && k.promised == zero {
			return ""
		}
		return eventstream.Reset
	case i.top.Compare(k.last) < 0:
		return eventstream.Reset
	case hasOlder && k.last != zero && k.added == 0:
		return eventstream.Reset // the key was gone: this is a new life with lower IDs
	case hasOlder:
		// What is removed but by XDEL is the oldest, so what came later is there.
		if i.first == k.last || !k.wasThere || i.maxDeleted.Compare(k.last) >= 0 {
			return ""
		}
		return eventstream.Reset
	case k.added >= 0 && i.added-k.added == i.length && (k.attended || !k.wasThere):
		return "" // all that was added since is there
	case i.added < 0 && !k.wasThere:
		return "" // Redis 6 does not count
	case isWhole && k.attended && !k.notifications.haveMore(i.length) && (k.promised == zero || snap.has(k.promised)):
		return "" // a new life, all of which is there
	case isWhole:
		return eventstream.Reset
	}
	return eventstream.Trimmed
}

func (snap *snapshot) has(id eventstream.EntryID) bool {
	return slices.ContainsFunc(snap.entries, func(e eventstream.Entry) bool { return e.ID == id })
}
