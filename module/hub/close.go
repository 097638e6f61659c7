package hub

import "errors"

// Reasons for which a hub is told to close a subscriber.
var (
	ErrKicked  = errors.New("an operator closed it")
	ErrTooMany = errors.New("its member has a newer one, and no more are allowed")
)

// CloseSubscriber closes s for that reason, once what it was sent is written.
func (h *Hub) CloseSubscriber(s *Subscriber, reason error) {
	s.loop.Do(func() { s.close(reason) })
}
