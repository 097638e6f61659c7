package hub

import (
	"slices"
	"sync/atomic"

	"github.com/caddy-sse/caddy-sse/module/eventstream"
)

// A channel that somebody subscribes to.
type channel struct {
	name      string
	live      atomic.Bool // the source hears it
	audiences []*audience // guarded by the hub
}

// An audience is those of a channel's subscribers who want its payloads read in
// the same way: they share their frames.
type audience struct {
	view   eventstream.View
	shares []share // one a loop
}

// A share is an audience's part in one loop.
type share struct {
	count   int      // of those who have joined; guarded by the hub
	members []member // the loop's own
}

// A member is a subscriber, and which of its places this is.
type member struct {
	subscriber *Subscriber
	place      int
}

// enter counts somebody who wants the view, in that loop of so many.
func (c *channel) enter(view eventstream.View, l *Loop, loops int) *audience {
	i := slices.IndexFunc(c.audiences, func(a *audience) bool { return a.view == view })
	if i < 0 {
		i = len(c.audiences)
		c.audiences = append(c.audiences, &audience{view: view, shares: make([]share, loops)})
	}
	c.audiences[i].shares[l.index].count++
	return c.audiences[i]
}

func (c *channel) leave(a *audience, l *Loop) {
	a.shares[l.index].count--
	for i := range a.shares {
		if a.shares[i].count > 0 {
			return
		}
	}
	c.audiences = slices.DeleteFunc(c.audiences, func(b *audience) bool { return a == b })
}

func (c *channel) isEmpty() bool { return len(c.audiences) == 0 }

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
