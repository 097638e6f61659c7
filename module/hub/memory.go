package hub

// A memory bounds what all channels together remember: past its limit, the
// oldest event of all is forgotten.
type memory struct {
	limit          int
	bytes          int
	oldest, newest *moment
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
// one that came first to the memory, too.
func (mem *memory) trim() {
	for mem.bytes > mem.limit {
		mem.oldest.channel.log.shift(false)
	}
}
