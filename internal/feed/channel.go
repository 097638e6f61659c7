package feed

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/broker"
	"github.com/caddy-sse/caddy-sse/internal/hub"
	"github.com/caddy-sse/caddy-sse/internal/protocol"
)

// A channel whose history is followed.
type channel struct {
	name        string
	follower    hub.Follower
	feed        *Feed
	auditSecond time.Duration // which second of auditEvery
	entrySize   atomic.Int64  // bytes of an entry, about; 0: not known
	halved      atomic.Int64  // how often the newest read took too long

	mu    sync.Mutex
	begun bool
	last  protocol.EntryID // handed over, or where it began
	// wasThere and added are as in known.
	wasThere bool
	added    int64
	inDoubt  bool // last was not there any more: the next read has to tell why
	rereads  int  // how often it has been asked why, in vain

	// interruptions counts how often entries may have been added that nothing
	// was heard of.
	interruptions atomic.Uint32
	confirmed     uint32 // the interruptions before a read that was complete
	notifications notificationCount
	toMark        bool // the next read is to be marked; see [broker.Histories]
	marked        bool // the newest read was, if it could be
	promised      protocol.EntryID
	atRead        struct { // when the newest read began
		interruptions uint32
		notifications notificationCount
	}

	state     state
	failures  int               // of reads, one after another
	refused   bool              // the newest failure was final
	ahead     []protocol.Stored // said by the script while a read is to come
	unmatched unmatched
}

// A state is how it stands with reading a channel's Redis stream.
type state int

const (
	idle state = iota
	toRead
	isRead
	toReadAgain // when the read that is under way is done
)

// maxAhead is how much of what the script says is kept while a read is to come;
// what is more is read.
const maxAhead = 256

// interrupted says that entries may have been added that nothing was heard of,
// and has the channel's Redis stream read.
func (c *channel) interrupted() {
	c.Missed()
	c.wake()
}

// The broker tells a channel what happens to its history.
var _ broker.Watcher = (*channel)(nil)

// Added implements [broker.Watcher].
func (c *channel) Added() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.notifications.adds++
	c.scheduleRead()
}

// Changed implements [broker.Watcher].
func (c *channel) Changed() { c.wake() }

// Missed implements [broker.Watcher].
func (c *channel) Missed() { c.interruptions.Add(1) }

// Seen implements [broker.Watcher].
func (c *channel) Seen(id protocol.EntryID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.promised == (protocol.EntryID{}) && id.Compare(c.last) > 0 {
		c.promised = id
	}
	c.scheduleRead()
}

// wake has the channel's Redis stream read, soon.
func (c *channel) wake() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.scheduleRead()
}

func (c *channel) scheduleRead() {
	switch c.state {
	case idle:
		c.state = toRead
		c.feed.reads.add(c)
	case isRead:
		c.state = toReadAgain
	}
}

// Position implements [broker.Watcher].
func (c *channel) Position() (last protocol.EntryID, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.last, c.state == idle && c.begun && !c.refused
}

// receive takes what was published to the channel.
func (c *channel) receive(payload string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	stored, ok := protocol.ParseStored(payload)
	switch {
	case !ok:
		c.countPublished()
		c.scheduleRead()
	case c.state == idle && c.begun && stored.Previous == c.last:
		c.deliver([]protocol.Entry{stored.Entry})
	case c.state != idle && len(c.ahead) < maxAhead:
		c.ahead = append(c.ahead, stored)
	default:
		c.scheduleRead()
	}
}

// receiveAll takes what was said of entries that were stored together.
func (c *channel) receiveAll(payloads []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make([]protocol.Stored, 0, len(payloads))
	for _, payload := range payloads {
		stored, ok := protocol.ParseStored(payload)
		if !ok {
			c.countPublished()
			c.scheduleRead()
			return
		}
		all = append(all, stored)
	}
	switch {
	case c.state != idle && len(c.ahead)+len(all) <= maxAhead:
		c.ahead = append(c.ahead, all...)
	case c.state != idle || !c.begun:
		c.scheduleRead()
	default:
		c.ahead = all
		if !c.drainAhead() {
			c.scheduleRead()
		}
	}
}

// deliver hands entries to the follower.
func (c *channel) deliver(entries []protocol.Entry) {
	if len(entries) == 0 {
		return
	}
	c.last, c.wasThere = entries[len(entries)-1].ID, true
	if c.added >= 0 {
		c.added += int64(len(entries))
	}
	c.notifications.late += len(entries)
	c.follower.Append(entries)
}

// drainAhead hands over what the script has said while the Redis stream was read,
// as far as it goes on from there, and reports whether that is all.
func (c *channel) drainAhead() bool {
	ahead := c.ahead
	c.ahead = nil
	var next []protocol.Entry
	last := c.last
	isAll := true
	for _, stored := range ahead {
		switch {
		case stored.ID.Compare(last) <= 0: // it was read
		case stored.Previous == last:
			next = append(next, stored.Entry)
			last = stored.ID
		default:
			isAll = false
		}
	}
	c.deliver(next)
	return isAll
}
