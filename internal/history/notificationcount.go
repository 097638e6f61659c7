package history

import "strings"

// A notificationCount is what keyspace notifications have said of a channel's Redis stream
// since the newest read that was complete.
//
// Each entry that is added is heard of once, some before they are read, and some
// after, so that these two numbers tell whether one was never read.
type notificationCount struct {
	adds int // entries that were heard of
	late int // entries that were handed over, and are yet to be heard of
}

// notified takes a keyspace notification.
func (c *channel) notified(event string) {
	switch event {
	case "xadd":
		c.mu.Lock()
		defer c.mu.Unlock()
		c.notifications.adds++
		c.scheduleRead()
	case "del", "expired", "evicted", "rename_from", "move_from", "expire", "persist":
		c.wake()
	default:
		if strings.HasPrefix(event, "x") {
			c.wake()
			return
		}
		c.interrupted() // something else has come to be there
	}
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
func (k known) showsEnd(snap snapshot) bool {
	i := snap.info
	wasKey := k.wasThere || k.added > 0
	return k.attended && wasKey && i.added >= 0 && i.top != k.last && i.removed() == 0 &&
		(i.isGone() || i.first.Compare(k.last) > 0)
}
