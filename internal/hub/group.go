package hub

import "slices"

// A group is those of a channel's subscribers who want its events in the same way,
// and are up to date: they share their frames.
type group struct {
	view   view
	shards []shard // one a loop
}

// A shard is a group's part in one loop.
type shard struct {
	// Guarded by the hub.
	count    int  // of those who have entered
	isBehind bool // they are to get a gap, and nothing else until then

	slots []slot // the loop's own
}

// A slot is a subscriber's in the group of one of its channels, and which of its
// channels this is.
type slot struct {
	subscriber *Subscriber
	index      int
}

// enter counts somebody who wants the view, in that loop.
func (c *channel) enter(v view, l *Loop) *group {
	i := slices.IndexFunc(c.groups, func(g *group) bool { return g.view == v })
	if i < 0 {
		i = len(c.groups)
		c.groups = append(c.groups, &group{view: v, shards: make([]shard, len(c.hub.loops))})
	}
	c.groups[i].shards[l.index].count++
	return c.groups[i]
}

func (c *channel) leave(g *group, l *Loop) {
	g.shards[l.index].count--
	if g.size() > 0 {
		return
	}
	c.groups = slices.DeleteFunc(c.groups, func(other *group) bool { return g == other })
}

// size is how many have entered.
func (g *group) size() (n int) {
	for i := range g.shards {
		n += g.shards[i].count
	}
	return n
}

// add and remove are called in the shard's loop.
func (s *shard) add(sl slot) (index int) {
	s.slots = append(s.slots, sl)
	return len(s.slots) - 1
}

func (s *shard) remove(index int) {
	last := len(s.slots) - 1
	moved := s.slots[last]
	s.slots[index], s.slots[last] = moved, slot{}
	s.slots = s.slots[:last]
	moved.subscriber.states[moved.index].slot = index
	if last == 0 {
		s.slots = nil
	}
}
