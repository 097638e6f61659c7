package hub

import "github.com/caddy-sse/caddy-sse/internal/eventstream"

// A Supply is where a subscriber without channels gets its events: they are taken as it
// takes them, so that it is never closed for being slow.
type Supply interface {
	// Take takes the next frames, of so many bytes at most, as far as there are any now;
	// if nothing waits for the client yet, the first may be longer. It must not block.
	Take(bytes int, nothingWaits bool) Taken
}

// Taken is what [Supply.Take] takes.
type Taken struct {
	Frames []*eventstream.Frame
	// More: there are others, for which there was no room.
	More bool
	// End is why the subscription ends after them, with Last; nil: it does not.
	End  error
	Last *eventstream.Frame
}

// supplied is what a subscriber has that is served by a supply. It is its loop's.
type supplied struct {
	from    Supply
	waiting bool // for what was sent to be written
}

// supplyBytes is how much waits for a client at most that is served by a supply, unless
// a frame is longer.
const supplyBytes = 64 << 10

// Supply has the subscriber, which is attached, get what the supply has, now and each time
// that [Hub.Wake] is called.
func (h *Hub) Supply(s *Subscriber, from Supply) {
	s.loop.Do(func() {
		s.supplied = &supplied{from: from}
		s.take()
	})
}

// Wake says that the subscriber's supply has something. It is safe to call from anywhere.
func (h *Hub) Wake(s *Subscriber) { s.loop.Do(s.take) }

// take sends what the supply has, as long as not much waits.
func (s *Subscriber) take() {
	if s.supplied == nil || s.supplied.waiting || s.closed != nil {
		return
	}
	waits := s.out.Waiting()
	taken := s.supplied.from.Take(min(supplyBytes, s.request.Pending/4)-waits, waits == 0)
	for _, f := range taken.Frames {
		s.send(f)
	}
	s.loop.sent.Add(uint64(len(taken.Frames)))
	switch {
	case taken.End != nil:
		last := taken.Last
		if last == nil {
			last = s.lastFrame()
		}
		s.closeWith(last, taken.End)
	case taken.More:
		s.supplied.waiting = true
		s.whenWritten(func() {
			s.loop.Do(func() {
				s.supplied.waiting = false
				s.take()
			})
		})
	}
}
