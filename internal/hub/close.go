package hub

import (
	"errors"

	"github.com/caddy-sse/caddy-sse/internal/eventstream"
)

// Reasons for which a hub closes a subscriber.
var (
	ErrKicked  = errors.New("an operator closed it")
	ErrTooMany = errors.New("its member has a newer one, and no more are allowed")
)

// CloseSubscriber closes s for that reason, after a last frame; nil: one with a
// reconnection time.
func (h *Hub) CloseSubscriber(s *Subscriber, last *eventstream.Frame, reason error) {
	s.loop.Do(func() {
		if last == nil {
			last = s.lastFrame()
		}
		s.closeWith(last, reason)
	})
}
