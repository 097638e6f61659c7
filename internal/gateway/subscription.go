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
	Member   string // empty: it has no presence
	RemoteIP netip.Addr
	Protocol string // http/1.1, http/2 or http/3, or admin
	Since    time.Time

	transport atomic.Pointer[transport.Info] // until it is opened, the one that is expected
}

// Via is the name of the transport by which it is delivered.
func (s *Subscription) Via() string { return s.transport.Load().Name }

// opened is called when it begins.
func (g *Gateway) opened(s *Subscription) {
	s.countOpened()
	g.subscribers.Add(1)
	g.summary.opened()
}

// closed is called when a subscription is over.
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
	ClosedExpired CloseReason = "expired" // its token, or `until`, was over
	ClosedEnd     CloseReason = "end"     // of Caddy, or of these Redis settings
	ClosedKicked  CloseReason = "kicked"  // by an operator
	ClosedLimit   CloseReason = "limit"   // by a newer one of the same member
	ClosedDone    CloseReason = "done"    // the run that it was in is all there
	ClosedFailed  CloseReason = "failed"  // the run that it was in ended otherwise
	ClosedGap     CloseReason = "gap"     // something may be missing, which is not to be told otherwise
	ClosedError   CloseReason = "error"
)

// CloseReasons are all of them.
var CloseReasons = [...]CloseReason{ClosedLeft, ClosedSlow, ClosedStalled, ClosedOld, ClosedExpired, ClosedEnd, ClosedKicked, ClosedLimit, ClosedDone, ClosedFailed, ClosedGap, ClosedError}

var closeReasons = map[error]CloseReason{
	transport.ErrLeft: ClosedLeft, transport.ErrSlow: ClosedSlow, transport.ErrStalled: ClosedStalled, transport.ErrOld: ClosedOld, transport.ErrExpired: ClosedExpired,
	hub.ErrClosed: ClosedEnd, hub.ErrFlooded: ClosedSlow, hub.ErrKicked: ClosedKicked, hub.ErrTooMany: ClosedLimit,
	hub.ErrDone: ClosedDone, hub.ErrToldEnd: ClosedFailed, hub.ErrEnded: ClosedFailed, hub.ErrGap: ClosedGap,
}

func reasonOf(err error) CloseReason {
	for known, reason := range closeReasons {
		if errors.Is(err, known) {
			return reason
		}
	}
	return ClosedError
}
