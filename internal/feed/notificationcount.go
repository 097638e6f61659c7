package feed

import "github.com/caddy-sse/caddy-sse/internal/broker"

// A notificationCount is what keyspace notifications have said of a channel's Redis stream
// since the newest read that was complete.
//
// Each entry that is added is heard of once, some before they are read, and some
// after, so that these two numbers tell whether one was never read.
type notificationCount struct {
	adds int // entries that were heard of
	late int // entries that were handed over, and are yet to be heard of
}

// settle forgets what had been heard when a read began that was complete. Where
// something may not have been heard, nothing is known of what is late.
func (n *notificationCount) settle(atRead notificationCount, isAll bool) {
	n.adds -= atRead.adds
	n.late = max(0, n.late-atRead.adds)
	if !isAll {
		n.late = 0
	}
}

// haveMore reports whether more entries were heard of than have been handed over,
// and are there.
func (n notificationCount) haveMore(there int64) bool { return int64(n.adds-n.late) > there }

// showsEnd reports whether the snapshot shows that a life of the key has ended since,
// and, if so, what was heard has to tell whether it had more entries.
func (k known) showsEnd(snap broker.Snapshot) bool {
	i := snap.Info
	wasKey := k.wasThere || k.added > 0
	return k.attended && wasKey && i.Added >= 0 && i.Top != k.last && i.Removed() == 0 &&
		(i.IsGone() || i.First.Compare(k.last) > 0)
}
