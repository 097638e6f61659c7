package hub

import (
	"errors"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/jitter"
	"github.com/caddy-sse/caddy-sse/module/eventstream"
)

// Reasons for which a hub closes a subscriber.
var (
	ErrClosed  = errors.New("the gateway stops, or has another Redis now")
	ErrFlooded = errors.New("more came before the client was there than may wait for it")
)

// An Outlet takes one subscriber's frames, in order. It is used in the
// subscriber's loop only, and nothing in it may block.
type Outlet interface {
	// Send takes a frame, to be written at the next Flush.
	Send(*eventstream.Frame)
	// Flush writes what was sent, as far as the client takes it.
	Flush()
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
	pending   int
	retry     time.Duration

	ready chan struct{} // nil once it is attached
	left  bool          // guarded by the hub

	// Its loop, and what is that loop's own.
	loop    *Loop
	at      int     // among the loop's subscribers
	places  []place // one an interest
	isReady bool
	open    bool
	out     Outlet // nil until it is attached
	queue   []*eventstream.Frame
	waiting int // bytes in queue
	dirty   bool
	closed  error
}

// A place is where a subscriber stands in one of its channels.
type place struct {
	channel  *channel
	audience *audience
	at       int // among the members of the audience's share
}

// NewSubscriber makes a subscriber of channels that are all different. It
// begins with the opening. Before it is attached, at most pending bytes wait
// for it; retry is the reconnection time, give or take half, with which a hub
// that closes sends it away.
func NewSubscriber(interests []Interest, opening *eventstream.Frame, pending int, retry time.Duration) *Subscriber {
	return &Subscriber{
		interests: interests,
		pending:   pending,
		retry:     retry,
		ready:     make(chan struct{}),
		places:    make([]place, len(interests)),
		queue:     []*eventstream.Frame{opening},
	}
}

// Ready is closed once all the subscriber's channels are heard: what is
// published from then on reaches it.
func (s *Subscriber) Ready() <-chan struct{} { return s.ready }

func (s *Subscriber) checkReady() {
	for i := range s.places {
		if !s.places[i].channel.live.Load() {
			return
		}
	}
	if !s.isReady {
		s.isReady = true
		close(s.ready)
	}
}

// send hands a frame to the outlet, which writes it when the loop flushes.
func (s *Subscriber) send(f *eventstream.Frame) {
	switch {
	case s.closed != nil:
	case s.out != nil:
		s.out.Send(f)
		s.touch()
	case s.waiting+f.Len() > s.pending:
		s.queue, s.closed = nil, ErrFlooded
	default:
		s.queue = append(s.queue, f)
		s.waiting += f.Len()
	}
}

func (s *Subscriber) touch() {
	if !s.dirty {
		s.dirty = true
		s.loop.dirty = append(s.loop.dirty, s)
	}
}

func (s *Subscriber) attach(out Outlet) {
	s.out = out
	for _, f := range s.queue {
		out.Send(f)
	}
	s.isReady = true // or not: nobody waits for it any more
	s.queue, s.interests, s.ready = nil, nil, nil
	s.touch()
	if s.closed != nil {
		out.Close(s.closed)
	}
}

// close ends the subscription. Before it is attached, the opening has already
// told the reconnection time.
func (s *Subscriber) close(reason error) {
	if s.closed != nil {
		return
	}
	if s.out != nil {
		s.out.Send(eventstream.RetryFrame(jitter.Spread(s.retry, 0.5)))
		s.out.Close(reason)
		s.touch()
	}
	s.closed = reason
}
