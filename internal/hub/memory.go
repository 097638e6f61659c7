package hub

import (
	"container/list"
	"sync/atomic"
)

// A memory bounds what all channels together remember, and what waits in the loops'
// inboxes. What was read from
// histories has a part of its own, at least, and all that is free: it takes nothing
// from what was heard, of which past the limit the oldest of all goes first.
type memory struct {
	limit          int
	bytes          int
	oldest, newest *moment      // that were heard
	waiting        atomic.Int64 // bytes in the loops' inboxes

	read       int       // bytes that were read from histories
	idle, busy list.List // segments, the longest unread first
}

const (
	// readShare is the part of the memory that is for segments alone.
	readShare = 16
	// maxBackfill is how many bytes are read from a history at once.
	maxBackfill = 256 << 10
)

func (mem *memory) add(m *moment) {
	m.isInHubsMemory = true
	m.older = mem.newest
	if mem.newest != nil {
		mem.newest.newer = m
	} else {
		mem.oldest = m
	}
	mem.newest = m
	mem.bytes += m.size
}

func (mem *memory) remove(m *moment) {
	if !m.isInHubsMemory {
		return
	}
	m.isInHubsMemory = false
	if m.older != nil {
		m.older.newer = m.newer
	} else {
		mem.oldest = m.newer
	}
	if m.newer != nil {
		m.newer.older = m.older
	} else {
		mem.newest = m.older
	}
	m.older, m.newer = nil, nil
	mem.bytes -= m.size
}

// keep counts a segment.
func (mem *memory) keep(s *segment) {
	s.element = mem.idle.PushBack(s)
	mem.read += s.bytes
	mem.bytes += s.bytes
}

func (mem *memory) grow(s *segment, bytes int) {
	s.bytes += bytes
	mem.read += bytes
	mem.bytes += bytes
}

func (mem *memory) drop(s *segment) {
	mem.listOf(s).Remove(s.element)
	s.element = nil
	mem.read -= s.bytes
	mem.bytes -= s.bytes
}

func (mem *memory) listOf(s *segment) *list.List {
	if s.readers > 0 {
		return &mem.busy
	}
	return &mem.idle
}

// use counts a reader of the segment more, or less.
func (mem *memory) use(s *segment, more int) {
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
	free := max(mem.limit/readShare, mem.limit-mem.heard())
	return min(maxBackfill, max(1, free/2/(mem.busy.Len()+1)))
}

// heard is how many bytes were heard, and wait or are remembered.
func (mem *memory) heard() int { return mem.bytes - mem.read + int(mem.waiting.Load()) }

// trim forgets until the limit is kept. A channel's oldest recent event is the
// one that came first to the memory, too.
func (mem *memory) trim() {
	for mem.heard() > mem.limit-mem.limit/readShare && mem.oldest != nil {
		mem.oldest.channel.shift()
	}
	for mem.heard()+mem.read > mem.limit && mem.read > 0 {
		next := mem.idle.Front()
		if next == nil {
			next = mem.busy.Front()
		}
		next.Value.(*segment).forget()
	}
}
