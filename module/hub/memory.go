package hub

import "container/list"

// A memory bounds what all channels together remember. Past its limit, that goes
// first which was read from histories, since it can be read again, and then the
// oldest event of all that were heard.
type memory struct {
	limit          int
	bytes          int
	oldest, newest *moment   // that were heard
	resting        list.List // channels that remember the past, the longest unread first
}

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

// trim forgets until the limit is kept. A channel's oldest recent event is the
// one that came first to the memory, too. The past that was read last stays,
// however large: somebody is on the way through it.
func (mem *memory) trim() {
	for mem.bytes > mem.limit && mem.resting.Len() > 1 {
		mem.resting.Front().Value.(*channel).forgetPast()
	}
	for mem.bytes > mem.limit && mem.oldest != nil {
		c := mem.oldest.channel
		c.log.shift(c.reading)
	}
}
