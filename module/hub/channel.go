package hub

import (
	"iter"

	"github.com/caddy-sse/caddy-sse/module/eventstream"
)

// A channel's subscribers, by how they want its payloads read: each payload is
// encoded once a view.
type channel struct {
	name  string
	live  bool // the source hears it
	views map[eventstream.View]map[*Subscriber]struct{}
}

func newChannel(name string) *channel {
	return &channel{name: name, views: make(map[eventstream.View]map[*Subscriber]struct{}, 1)}
}

func (c *channel) add(s *Subscriber, view eventstream.View) {
	if c.views[view] == nil {
		c.views[view] = make(map[*Subscriber]struct{}, 1)
	}
	c.views[view][s] = struct{}{}
}

func (c *channel) remove(s *Subscriber, view eventstream.View) {
	delete(c.views[view], s)
	if len(c.views[view]) == 0 {
		delete(c.views, view)
	}
}

func (c *channel) empty() bool { return len(c.views) == 0 }

func (c *channel) subscribers() iter.Seq[*Subscriber] {
	return func(yield func(*Subscriber) bool) {
		for _, subscribers := range c.views {
			for s := range subscribers {
				if !yield(s) {
					return
				}
			}
		}
	}
}
