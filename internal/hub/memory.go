package hub

import (
	"container/list"
	"sync/atomic"
)

// A memory bounds what all channels together remember, and what waits in the loops'
// inboxes. What was read from histories has a part of its own, at least, and all that
// is free: it takes nothing from what was received, of which past the limit the oldest
// of all goes first.
type memory struct {
	limit          int
	bytes          int
	oldest, newest *record      // that were received
	waiting        atomic.Int64 // bytes in the loops' inboxes

	backfillBytes     int       // bytes that were read from histories
	evictable, pinned list.List // segments, the longest unread first
}

const (
	// backfillShare is the part of the memory that is for segments alone.
	backfillShare = 16
	// maxBackfill is how many bytes are read from a history at once.
	maxBackfill = 256 << 10
)

func (mem *memory) add(r *record) {
	r.isInHubsMemory = true
	r.older = mem.newest
	if mem.newest != nil {
		mem.newest.newer = r
	} else {
		mem.oldest = r
	}
	mem.newest = r
	mem.bytes += r.size
}

func (mem *memory) remove(r *record) {
	if !r.isInHubsMemory {
		return
	}
	r.isInHubsMemory = false
	if r.older != nil {
		r.older.newer = r.newer
	} else {
		mem.oldest = r.newer
	}
	if r.newer != nil {
		r.newer.older = r.older
	} else {
		mem.newest = r.older
	}
	r.older, r.newer = nil, nil
	mem.bytes -= r.size
}

// keep counts a segment.
func (mem *memory) keep(s *segment) {
	s.element = mem.evictable.PushBack(s)
	mem.backfillBytes += s.bytes
	mem.bytes += s.bytes
}

func (mem *memory) grow(s *segment, bytes int) {
	s.bytes += bytes
	mem.backfillBytes += bytes
	mem.bytes += bytes
}

func (mem *memory) drop(s *segment) {
	mem.listOf(s).Remove(s.element)
	s.element = nil
	mem.backfillBytes -= s.bytes
	mem.bytes -= s.bytes
}

func (mem *memory) listOf(s *segment) *list.List {
	if s.readers > 0 {
		return &mem.pinned
	}
	return &mem.evictable
}

// addReaders counts so many readers of the segment more, or, below 0, less.
func (mem *memory) addReaders(s *segment, more int) {
	if s.element == nil {
		s.readers += more
		return
	}
	mem.listOf(s).Remove(s.element)
	s.readers += more
	s.element = mem.listOf(s).PushBack(s)
}

// backfill is how many bytes to read at once, so that all who are on their way
// through segments have room.
func (mem *memory) backfill() int {
	free := max(mem.limit/backfillShare, mem.limit-mem.liveBytes())
	return min(maxBackfill, max(1, free/2/(mem.pinned.Len()+1)))
}

// liveBytes is how many bytes were received, and wait or are remembered.
func (mem *memory) liveBytes() int { return mem.bytes - mem.backfillBytes + int(mem.waiting.Load()) }

// trim forgets until the limit is kept. A channel's oldest recent event is the
// one that came first to the memory, too.
func (mem *memory) trim() {
	for mem.liveBytes() > mem.limit-mem.limit/backfillShare && mem.oldest != nil {
		mem.oldest.channel.shift()
	}
	for mem.liveBytes()+mem.backfillBytes > mem.limit && mem.backfillBytes > 0 {
		next := mem.evictable.Front()
		if next == nil {
			next = mem.pinned.Front()
		}
		next.Value.(*segment).forget()
	}
}
