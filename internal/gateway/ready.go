package gateway

import (
	"context"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/hub"
)

// readyTimeout is how long a subscriber's answer waits until its channels are
// subscribed, so that a page that has seen `open` misses nothing.
const readyTimeout = time.Second

// awaitReady waits until the channels of a subscriber are subscribed, at most a second.
// While Redis is away there is nothing to wait for: the page opens, and gets
// the gap later.
func (g *Gateway) awaitReady(ctx context.Context, s *hub.Subscriber) {
	if g.Broker.Away() {
		return
	}
	timeout := time.NewTimer(readyTimeout)
	defer timeout.Stop()
	select {
	case <-s.Ready():
	case <-timeout.C:
	case <-ctx.Done():
	}
}
