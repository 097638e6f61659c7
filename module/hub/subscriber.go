package hub

import (
	"errors"
	"sync"

	"github.com/caddy-sse/caddy-sse/module/eventstream"
)

// ErrClosed is the reason of a subscriber that was closed because the gateway
// stops.
var ErrClosed = errors.New("the gateway stops")

// An Outlet takes one subscriber's frames, in order, and never blocks.
type Outlet interface {
	Send(*eventstream.Frame)
	// Close ends the subscription once what was sent before is written.
	Close(reason error)
}

// An Interest is a channel that a subscriber listens to, and how it wants its
// payloads read.
type Interest struct {
	Channel string
	View    eventstream.View
}

// A Subscriber is one open EventSource.
type Subscriber struct {
	interests []Interest
	out       Outlet

	open      bool // guarded by the hub
	ready     chan struct{}
	readyOnce sync.Once
}

// NewSubscriber makes a subscriber of channels that are all different.
func NewSubscriber(interests []Interest, out Outlet) *Subscriber {
	return &Subscriber{interests: interests, out: out, ready: make(chan struct{})}
}

// Ready is closed once all the subscriber's channels are heard: what is
// published from then on reaches it.
func (s *Subscriber) Ready() <-chan struct{} { return s.ready }
