package hub

import "slices"

// An audience is those of a channel's subscribers who want its events in the
// same way, and are up to date: they share their frames.
type audience struct {
	view   view
	shares []share // one a loop
}

// A share is an audience's part in one loop.
type share struct {
	// Guarded by the hub.
	count    int  // of those who have entered
	isBehind bool // they are to be told of a gap, and get nothing until then

	members []member // the loop's own
}

// A member is a subscriber, and which of its places this is.
type member struct {
	subscriber *Subscriber
	place      int
}

// enter counts somebody who wants the view, in that loop.
func (c *channel) enter(v view, l *Loop) *audience {
	i := slices.IndexFunc(c.audiences, func(a *audience) bool { return a.view == v })
	if i < 0 {
		i = len(c.audiences)
		c.audiences = append(c.audiences, &audience{view: v, shares: make([]share, len(c.hub.loops))})
	}
	c.audiences[i].shares[l.index].count++
	return c.audiences[i]
}

func (c *channel) leave(a *audience, l *Loop) {
	a.shares[l.index].count--
	if a.size() > 0 {
		return
	}
	c.audiences = slices.DeleteFunc(c.audiences, func(b *audience) bool { return a == b })
}

// size is how many have entered.
func (a *audience) size() (n int) {
	for i := range a.shares {
		n += a.shares[i].count
	}
	return n
}

// add and remove are called in the share's loop.
func (s *share) add(m member) (at int) {
	s.members = append(s.members, m)
	return len(s.members) - 1
}

func (s *share) remove(at int) {
	last := len(s.members) - 1
	moved := s.members[last]
	s.members[at], s.members[last] = moved, member{}
	s.members = s.members[:last]
	moved.subscriber.places[moved.place].at = at
	if last == 0 {
		s.members = nil
	}
}
