//go:build !linux

package transport

// There is no epoll here: every subscriber is delivered to through its
// http.ResponseWriter.
const haveSockets = false

// A Poller has nothing to poll.
type Poller struct{}

// NewPoller makes a poller.
func NewPoller() (*Poller, error) { return new(Poller), nil }

// Close ends the poller.
func (*Poller) Close() {}

func takesTLS() bool { return false }

func openSocket(*subscription) (Delivery, error) { return nil, nil }
