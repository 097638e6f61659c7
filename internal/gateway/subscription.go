package gateway

import (
	"errors"
	"net/netip"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-sse/caddy-sse/internal/hub"
	"github.com/caddy-sse/caddy-sse/internal/transport"
)

// A Subscription is what is known of a subscriber besides what it is sent.
type Subscription struct {
	Channels []string
	Member   string // empty: nobody is told of it
	RemoteIP netip.Addr
	Protocol string // http/1.1, http/2 or http/3, or admin
	Since    time.Time

	isSocket atomic.Bool
}

// takenOver says that the connection was taken from the HTTP server.
func (s *Subscription) takenOver() { s.isSocket.Store(true) }

// Via is how it is delivered: by socket or response.
func (s *Subscription) Via() string {
	if s.isSocket.Load() {
		return "socket"
	}
	return "response"
}

// opened is told when it begins.
func (g *Gateway) opened(s *Subscription) {
	s.countOpened()
	g.subscribers.Add(1)
	g.summary.opened()
}

// closed is told when a subscription is over.
func (g *Gateway) closed(s *Subscription, e transport.End) {
	reason := reasonOf(e.Reason)
	s.countClosed(reason)
	g.subscribers.Add(-1)
	g.summary.closed(reason)
	if c := g.Log().Check(zap.DebugLevel, "subscriber left"); c != nil {
		c.Write(zap.Strings("channels", s.Channels), zap.String("via", s.Via()), zap.Int("status", 200), zap.Int64("bytes", e.Bytes),
			zap.Duration("duration", e.Open), zap.NamedError("reason", e.Reason))
	}
	g.events.emit(EventSubscriberClosed, func() map[string]any {
		return map[string]any{
			"reason": string(reason), "channels": s.Channels, "member": s.Member, "remote_ip": s.ip(),
			"duration": e.Open.Round(time.Millisecond).Seconds(),
		}
	})
}

// A CloseReason says in a word why a subscription ended.
type CloseReason string

// The words, as they stand in metrics and events.
const (
	ClosedLeft    CloseReason = "left"    // the client did
	ClosedSlow    CloseReason = "slow"    // more waited than `pending`
	ClosedStalled CloseReason = "stalled" // it took nothing for `write_timeout`
	ClosedOld     CloseReason = "old"     // it was open for `max_duration`
	ClosedEnd     CloseReason = "end"     // of Caddy, or of these Redis settings
	ClosedKicked  CloseReason = "kicked"  // by an operator
	ClosedLimit   CloseReason = "limit"   // by a newer one of the same member
	ClosedError   CloseReason = "error"
)

var closeReasons = map[error]CloseReason{
	transport.ErrLeft: ClosedLeft, transport.ErrSlow: ClosedSlow, transport.ErrStalled: ClosedStalled, transport.ErrOld: ClosedOld,
	hub.ErrClosed: ClosedEnd, hub.ErrFlooded: ClosedSlow, hub.ErrKicked: ClosedKicked, hub.ErrTooMany: ClosedLimit,
}

func reasonOf(err error) CloseReason {
	for known, reason := range closeReasons {
		if errors.Is(err, known) {
			return reason
		}
	}
	return ClosedError
}
