package hub

import "github.com/caddy-sse/caddy-sse/internal/protocol"

// A Source is where channels are received. The hub asks it to listen to each
// channel that has subscribers, once, and to forget it when they have left.
// None of its methods may block, nor call the hub back before it returns.
type Source interface {
	// Listen wants what is published to the channel: the hub is notified by
	// Subscribed, Message and Disconnected.
	Listen(channel string)
	Forget(channel string)

	// Follow wants the channel's history, as it grows.
	Follow(channel string, f Follower)
	Unfollow(channel string)
	// Since reads what came after an entry: the oldest entries, of about so many
	// bytes, but one at least. If there are more than max, unless that is 0, it is
	// the newest max of which it reads the oldest.
	Since(channel string, after protocol.EntryID, max, bytes int, done func(Backfill))
	// Newest reads the oldest of the newest n, in the same way.
	Newest(channel string, n, bytes int, done func(Backfill))
}

// A Follower receives the entries of a channel's history, in order.
type Follower interface {
	// Begin is called once, before the others: what is handed over comes after
	// head.
	Begin(head protocol.EntryID)
	// Append hands over the next entries.
	Append([]protocol.Entry)
	// Unreadable says that the history cannot be read, until Readable: what those
	// want who come back or begin, and, if present, what is added from now on.
	Unreadable(present bool)
	Readable()
	// Gap says that it cannot be known what came after the last entry that was
	// handed over; it goes on after to.
	Gap(reason protocol.Reason, to protocol.EntryID)
}

// A Backfill is what was read of a channel's history: all entries after Start, up to
// the last one here.
type Backfill struct {
	Start   protocol.EntryID
	Entries []protocol.Entry
	// More says that there may be entries after the last one, of which there is one
	// then.
	More bool
	// GapAtStart says why something may be missing between the start and the first
	// entry; empty if nothing is.
	GapAtStart protocol.Reason
	// GapBefore is Overflow if there were more than max entries: it begins with the
	// newest max then.
	GapBefore protocol.Reason
	// Failed: the history could not be read.
	Failed bool
}
