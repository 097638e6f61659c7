package transport

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"

	"github.com/caddy-sse/caddy-sse/internal/eventstream"
)

// keepQueue is the longest queue whose memory a silent subscriber keeps.
const keepQueue = 4

// A loopOutlet is what all outlets have in common that are served in a loop: the frames
// that wait, references to those that all subscribers share, and what is due when. How
// bytes get to the client is its link's. It belongs to the loop.
type loopOutlet struct {
	loop    Loop
	options *Options
	ended   func(End)
	link    link

	queue   []*eventstream.Frame
	written int // bytes of the first frame in queue that are written, or encrypted
	pending int // bytes in queue that are not
	total   int64
	waiting []func() // for the queue to be written
	closing error    // end once the queue is written
	blocked bool     // the client takes nothing more; the link is notified when it does
	closed  bool

	timer        *time.Timer
	due          time.Duration // of the timer; zero: it is not set
	openedAt     time.Duration
	lastWrite    time.Duration
	lastProgress time.Duration // when the client last took something, or there was nothing to take
	expiresAt    time.Duration // at max_duration, or when its right ends; zero: never
}

// A link is how the bytes of a loopOutlet get to the client. None of its methods wait.
type link interface {
	// write writes what waits, until nothing does, or the outlet is blocked or closed.
	write()
	// sealed is how many bytes wait besides the queue.
	sealed() int
	// finish ends an outlet that is closing, with nothing that waits.
	finish()
	// leave lets the client go. It is called once, when the outlet is closed.
	leave(reason error, isInOrder bool)
}

// newLoopOutlet is the outlet of a link, for which arm is still to be called.
func newLoopOutlet(l Loop, o *Options, ended func(End), to link) loopOutlet {
	now := l.Now()
	s := loopOutlet{loop: l, options: o, ended: ended, link: to, openedAt: now, lastWrite: now, lastProgress: now}
	if longest := o.longest(); longest > 0 {
		s.expiresAt = now + longest
	}
	return s
}

// Send queues a frame.
func (s *loopOutlet) Send(f *eventstream.Frame) {
	if s.closed || s.closing != nil {
		return
	}
	if s.isTooMuch(f) {
		s.Flush() // a burst may be more than the limit, and yet no more than the client takes
		if s.closed {
			return
		}
		if s.isTooMuch(f) {
			s.end(ErrSlow)
			return
		}
	}
	if s.Waiting() == 0 {
		s.lastProgress = s.loop.Now() // the wait begins
	}
	s.queue = append(s.queue, f)
	s.pending += f.Len()
}

func (s *loopOutlet) isTooMuch(f *eventstream.Frame) bool {
	waiting := s.Waiting()
	return waiting > 0 && waiting+f.Len() > s.options.Pending
}

// Waiting is how many bytes are not written yet.
func (s *loopOutlet) Waiting() int { return s.pending + s.link.sealed() }

// isWritten reports whether nothing waits.
func (s *loopOutlet) isWritten() bool { return len(s.queue) == 0 && s.link.sealed() == 0 }

// WhenWritten calls f at the first Flush that leaves nothing in the queue.
func (s *loopOutlet) WhenWritten(f func()) { s.waiting = append(s.waiting, f) }

// Close ends the subscription once what is queued is written.
func (s *loopOutlet) Close(reason error) {
	if s.closed || s.closing != nil {
		return
	}
	s.closing = reason
	s.Flush()
}

// Flush writes what is queued, as far as the client takes it.
func (s *loopOutlet) Flush() {
	if s.closed || s.blocked {
		return
	}
	if !s.isWritten() {
		s.link.write()
	}
	if s.closed || s.blocked {
		return
	}
	for _, f := range s.waiting {
		f()
	}
	s.waiting = nil
	if s.closing != nil && !s.closed {
		s.link.finish()
	}
}

// progress notes that the client has taken something.
func (s *loopOutlet) progress() { s.lastWrite, s.lastProgress = s.loop.Now(), s.loop.Now() }

// count counts bytes of the body that are written.
func (s *loopOutlet) count(n int) {
	s.total += int64(n)
	s.options.wrote(n)
}

// drop takes the first n frames off the queue, since they are written.
func (s *loopOutlet) drop(n int) {
	kept := copy(s.queue, s.queue[n:])
	clear(s.queue[kept:])
	if s.queue = s.queue[:kept]; kept == 0 && cap(s.queue) > keepQueue {
		s.queue = nil
	}
}

// arm sets the timer to the next thing that is due.
func (s *loopOutlet) arm() {
	due := s.expiresAt
	sooner := func(t time.Duration) {
		if due == 0 || t < due {
			due = t
		}
	}
	if s.options.Heartbeat > 0 {
		sooner(s.lastWrite + s.options.Heartbeat)
	}
	if s.blocked {
		sooner(s.lastProgress + s.options.WriteTimeout)
	}
	if due == 0 || s.due != 0 && due >= s.due {
		return // it is soon enough: tick looks again
	}
	s.due = due
	wait := due - s.loop.Now()
	if s.timer == nil {
		s.timer = time.AfterFunc(wait, func() { s.loop.Do(s.tick) })
	} else {
		s.timer.Reset(wait)
	}
}

// tick does what is due.
func (s *loopOutlet) tick() {
	if s.closed {
		return
	}
	now := s.loop.Now()
	s.due = 0
	switch {
	case s.isStalled():
		s.end(ErrStalled)
		return
	case s.expiresAt != 0 && now >= s.expiresAt:
		s.expiresAt = 0
		s.Send(s.options.lastFrame())
		s.Close(s.options.whyEnded())
	case s.options.Heartbeat > 0 && now-s.lastWrite >= s.options.Heartbeat:
		s.lastWrite = now
		if !s.blocked {
			s.Send(s.options.beat())
			s.Flush()
		}
	}
	if !s.closed {
		s.arm()
	}
}

// isStalled reports whether the client has taken nothing for the write timeout.
func (s *loopOutlet) isStalled() bool {
	return s.blocked && s.loop.Now()-s.lastProgress >= s.options.WriteTimeout
}

// left ends the subscription since the connection is gone, and why. The kernel ends that
// of a client that takes nothing, too, which may be before the clock does: it knows of
// what the client has not taken when that is still in the socket's buffer.
func (s *loopOutlet) left(why error) {
	if s.isStalled() || s.blocked && errors.Is(why, unix.ETIMEDOUT) {
		s.end(ErrStalled)
		return
	}
	s.end(ErrLeft)
}

// end ends the subscription, and tells how it was.
func (s *loopOutlet) end(reason error) {
	if s.closed {
		return
	}
	s.closed = true
	if s.timer != nil {
		s.timer.Stop()
	}
	isInOrder := s.closing != nil && reason == s.closing && s.options.isWhole(reason)
	result := End{Reason: reason, Bytes: s.total, Open: s.loop.Now() - s.openedAt}
	s.link.leave(reason, isInOrder)
	s.queue, s.pending, s.waiting = nil, 0, nil
	s.ended(result)
}
