package hub

import (
	"errors"
	"time"
	"unique"

	"github.com/caddy-sse/caddy-sse/internal/eventstream"
	"github.com/caddy-sse/caddy-sse/internal/jitter"
	"github.com/caddy-sse/caddy-sse/internal/protocol"
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
	// WhenWritten calls f, once, from wherever, after what was sent before is
	// written.
	WhenWritten(f func())
	// Close ends the subscription once what was sent before is written.
	Close(reason error)
	// Waiting is how many bytes are not written yet.
	Waiting() int
}

// A Request is what a subscriber asks for.
type Request struct {
	// Channels are all different; with History at most [protocol.MaxVector].
	Channels []ChannelRequest
	// History makes the channels those that Redis keeps.
	History bool
	// Away has the subscriber notified when the source is away, and when it is back.
	Away bool
	// Last is how many of the newest events somebody without an ID gets, of
	// each channel with history.
	Last int
	// Max is how many events of a channel's history are replayed.
	Max int
	// LastEventID is where the subscriber was, as it says itself; empty if it
	// comes for the first time.
	LastEventID string
	// Retention is what the channels have to remember. Without events in it, a live
	// subscriber gets no IDs.
	Retention Retention
	// Ends, unless it is the zero handle, has the subscription end with the run that it
	// is in; then there is one channel, with history. See [protocol.Ends] and [IsWhole].
	Ends unique.Handle[protocol.Ends]
	// SilentGaps breaks the subscription off where it would be told of a gap.
	SilentGaps bool
	// Meta is what the caller knows of the subscriber besides.
	Meta any
	// Preamble is what the subscriber is sent first.
	Preamble *eventstream.Frame
	// Greeting is the event that it is sent next; nil if there is none. It carries
	// the subscriber's ID, if that is known in time.
	Greeting *eventstream.Event
	// Pending is how many bytes may wait for the subscriber before it is
	// attached.
	Pending int
	// Retry is the reconnection time, give or take half, with which a hub that
	// closes sends it away.
	Retry time.Duration
	// AwayFor is for how much longer the subscriber is to stay away then, after all
	// have been sent away.
	AwayFor time.Duration
}

// A ChannelRequest is a channel that a subscriber listens to, and how it wants its
// events read.
type ChannelRequest struct {
	Channel string
	View    protocol.View
}

// A Subscriber is one open EventSource.
type Subscriber struct {
	hub     *Hub
	id      uint64
	request Request
	ready   chan struct{} // nil once it is attached

	// Guarded by the hub.
	opened  bool
	left    bool
	unbegun int  // of its channels
	resumed bool // its live channels, together
	needsID bool // it comes for the first time, or has got a gap

	// Its loop, and what is that loop's own.
	loop      *Loop
	index     int         // among the loop's subscribers
	states    []chanState // one a channel
	unsettled int         // channels in which it is not up to date
	isReady   bool
	open      bool
	out       Outlet             // nil until it is attached
	greeting  *eventstream.Event // until it is attached: the second in queue
	queue     []*eventstream.Frame
	after     []func() // for the outlet's WhenWritten
	waiting   int      // bytes in queue
	dirty     bool
	closed    error

	pendingGaps *pendingGaps // nil if there are none
	supplied    *supplied    // nil: its events come from its channels
}

// A chanState is where a subscriber stands in one of its channels.
type chanState struct {
	channel *channel

	// Guarded by the hub.
	group  *group  // nil until it is up to date
	replay *replay // while it is not

	// The loop's own.
	shard       *shard   // nil until it is up to date
	slot        int      // in it
	lastSent    position // of the newest event it was sent, if hasLastSent
	hasLastSent bool
	tag         protocol.Tag // if the subscriber's IDs are its own
}

// NewSubscriber makes a subscriber that begins with its preamble.
func NewSubscriber(r Request) *Subscriber {
	s := &Subscriber{
		request:   r,
		needsID:   r.LastEventID == "",
		open:      r.LastEventID != "",
		ready:     make(chan struct{}),
		states:    make([]chanState, len(r.Channels)),
		unsettled: len(r.Channels),
		queue:     []*eventstream.Frame{r.Preamble},
	}
	if r.Greeting != nil {
		s.greeting, s.request.Greeting = r.Greeting, nil
		s.queue = append(s.queue, s.greeting.Frame())
	}
	vector, _ := protocol.ParseVector(r.LastEventID)
	if s.hasVector() {
		s.tag()
	}
	for i := range s.states {
		st := &s.states[i]
		st.lastSent, st.hasLastSent = vector.At(st.tag)
	}
	return s
}

// tag gives the channels the tags by which they are known in the subscriber's IDs.
func (s *Subscriber) tag() {
	names := make([]string, len(s.states))
	for i, in := range s.request.Channels {
		names[i] = in.Channel
	}
	for i, tag := range protocol.ChannelTags(names) {
		s.states[i].tag = tag
	}
}

// ID tells subscribers of one hub apart.
func (s *Subscriber) ID() uint64 { return s.id }

// Meta is what its request said.
func (s *Subscriber) Meta() any { return s.request.Meta }

// Ready is closed once all the subscriber's channels are subscribed: what is
// published from then on reaches it.
func (s *Subscriber) Ready() <-chan struct{} { return s.ready }

// allReady reports whether all the subscriber's channels are subscribed.
func (s *Subscriber) allReady() bool {
	for i := range s.states {
		if !s.states[i].channel.ready.Load() {
			return false
		}
	}
	return true
}

func (s *Subscriber) checkReady() {
	if !s.isReady && s.allReady() {
		s.isReady = true
		close(s.ready)
	}
}

// hasVector reports whether the subscriber's IDs are its own, since they say
// where it is in several histories.
func (s *Subscriber) hasVector() bool { return s.request.History && len(s.states) > 1 }

// view is how the subscriber wants the events of that channel.
func (s *Subscriber) view(i int) view {
	return view{
		View: s.request.Channels[i].View,
		ids:  !s.hasVector() && (s.request.History || s.request.Retention.Events > 0),
		ends: s.request.Ends,
	}
}

// newestID is the ID of the newest event of the subscriber's channels, all of
// which it has been sent.
func (s *Subscriber) newestID() string {
	var newest *channel
	for i := range s.states {
		c := s.states[i].channel
		if c.begun && (newest == nil || c.log.head().Compare(newest.log.head()) > 0) {
			newest = c
		}
	}
	if newest == nil || s.hasVector() || !s.needsID {
		return ""
	}
	return s.view(0).id(newest.headID())
}

// sendBatch sends a batch.
func (s *Subscriber) sendBatch(batch []replayStep) {
	for _, step := range batch {
		if step.gap != nil {
			s.states[step.index].lastSent, s.states[step.index].hasLastSent = step.at, true
			s.reportGap(step.gap, "")
			continue
		}
		switch {
		case step.isGap && s.request.SilentGaps:
			s.breakOff()
			continue
		case step.end != nil:
			s.endRun(step.frame, step.end)
			continue
		}
		if !s.hasVector() {
			s.sendGaps("") // since what comes has an ID
		}
		s.deliver(step.index, step.at, step.frame)
	}
	s.loop.sent.Add(uint64(len(batch)))
}

// enter gives the subscriber a slot in the group of one of its channels.
func (s *Subscriber) enter(index int, at position) {
	st := &s.states[index]
	st.lastSent, st.hasLastSent = at, true
	st.shard = &st.group.shards[s.loop.index]
	st.slot = st.shard.add(slot{s, index})
	s.unsettled--
}

// sendCurrentID tells the subscriber its ID, if it has none from an event, once it is
// up to date in all its channels.
func (s *Subscriber) sendCurrentID(id string) {
	if s.unsettled > 0 {
		return
	}
	if s.hasVector() {
		id = s.vector()
	}
	switch {
	case id == "":
	case s.pendingGaps != nil:
		s.pendingGaps.id = id
	case s.greeting != nil && len(s.queue) == 2:
		// Some clients take no ID that comes without data.
		greeting := *s.greeting
		greeting.ID = id
		s.queue[1] = greeting.Frame()
	default:
		s.send(eventstream.IDFrame(id))
	}
}

// vector is the subscriber's ID, if it is its own.
func (s *Subscriber) vector() string {
	v := make(protocol.Vector, 0, len(s.states))
	for i := range s.states {
		if st := &s.states[i]; st.hasLastSent {
			v = append(v, protocol.Place{Tag: st.tag, ID: st.lastSent})
		}
	}
	return v.String()
}

// forgetRequest lets go of what nobody needs any more once the subscriber is up
// to date.
func (s *Subscriber) forgetRequest() {
	for i := range s.states {
		if s.states[i].group == nil {
			return
		}
	}
	s.request.Channels, s.request.LastEventID = nil, ""
}

// deliver sends a frame of that channel.
func (s *Subscriber) deliver(index int, at position, f *eventstream.Frame) {
	if s.hasVector() {
		s.states[index].lastSent, s.states[index].hasLastSent = at, true
		if s.pendingGaps == nil {
			s.send(eventstream.IDLine(s.vector()))
		}
	}
	s.send(f)
}

// deliverWithoutID is deliver while gaps are pending: it sends the plain frame, and
// has the gaps' event carry the id. Without a plain frame it tells of the gaps first.
func (s *Subscriber) deliverWithoutID(index int, at position, plain *eventstream.Frame, id string, f *eventstream.Frame) {
	p := s.pendingGaps
	switch {
	case s.hasVector(): // f has no ID of its own
	case plain == nil:
		s.sendGaps(p.id)
	default:
		p.id, f = id, plain
	}
	s.deliver(index, at, f)
}

// send hands a frame to the outlet, which writes it when the loop flushes.
func (s *Subscriber) send(f *eventstream.Frame) {
	switch {
	case s.closed != nil:
	case s.out != nil:
		s.out.Send(f)
		s.touch()
	case s.waiting > 0 && s.waiting+f.Len() > s.request.Pending:
		s.queue, s.closed = []*eventstream.Frame{s.lastFrame()}, ErrFlooded
	default:
		s.queue = append(s.queue, f)
		s.waiting += f.Len()
	}
}

// whenWritten calls f when what was sent before is written.
func (s *Subscriber) whenWritten(f func()) {
	if s.out == nil {
		s.after = append(s.after, f)
		return
	}
	s.out.WhenWritten(f)
	s.touch()
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
	for _, f := range s.after {
		out.WhenWritten(f)
	}
	s.isReady = true // or not: nobody waits for it any more
	s.greeting, s.queue, s.after, s.ready, s.waiting = nil, nil, nil, nil, 0
	s.touch()
	if s.closed != nil {
		out.Close(s.closed)
		return
	}
	if s.request.Away {
		s.loop.watch(s)
	}
}

// lastFrame ends a subscription, with a reconnection time of the subscriber's own.
// The blank line after it matters: without one, some clients take no notice.
func (s *Subscriber) lastFrame() *eventstream.Frame {
	return eventstream.RetryFrame(jitter.Spread(s.request.Retry, 0.5))
}

// lastFrameAfter is the last frame where others are sent away for so much longer.
func (s *Subscriber) lastFrameAfter(rest time.Duration) *eventstream.Frame {
	retry := jitter.Spread(s.request.Retry, 0.5)
	if s.request.AwayFor > 0 {
		retry += rest + s.request.AwayFor
	}
	return eventstream.RetryFrame(retry)
}

// closeWith ends the subscription after a last frame.
func (s *Subscriber) closeWith(last *eventstream.Frame, reason error) {
	if s.closed != nil {
		return
	}
	s.send(last)
	if s.out != nil {
		s.out.Close(reason)
		s.touch()
	}
	s.closed, s.pendingGaps = reason, nil // it gets them when it comes back
}
