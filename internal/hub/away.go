package hub

import (
	"time"

	"github.com/caddy-sse/caddy-sse/internal/eventstream"
	"github.com/caddy-sse/caddy-sse/internal/protocol"
)

// awayPause is how long subscribers have known that the source is back before
// they get the event that it is away again, so that one that comes and goes is no flood.
const awayPause = time.Second

// An away is what those subscribers get that want to know when the source is
// away. It is guarded by the hub.
type away struct {
	since  time.Time // when the source went; zero: it is there
	isTold bool
	backAt time.Time // when they last got the event that it is back
	later  *time.Timer
}

// SetAway says whether the source is away, and receives nothing. Subscribers that want
// to know get an event, and so do those that connect as long as it is away. That it is
// back they learn at once, before [Hub.Subscribed] gives them gaps. It does not block.
func (h *Hub) SetAway(isAway bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	a := &h.away
	if isAway == !a.since.IsZero() {
		return
	}
	now := time.Now()
	if isAway {
		a.since = now
		if wait := awayPause - now.Sub(a.backAt); wait > 0 {
			a.later = time.AfterFunc(wait, h.tellAwayLater)
		} else {
			h.tellAway()
		}
		return
	}
	a.since = time.Time{}
	if a.isTold {
		a.isTold, a.backAt = false, now
		h.sendToWatchers(nil, protocol.BackFrame(now))
	} else if a.later != nil {
		a.later.Stop()
	}
}

func (h *Hub) tellAwayLater() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.away.since.IsZero() && !h.away.isTold {
		h.tellAway()
	}
}

func (h *Hub) tellAway() {
	h.away.isTold = true
	frame := protocol.AwayFrame(h.away.since)
	h.sendToWatchers(frame, frame)
}

// sendToWatchers sends a frame to all who want to know, and the frame first to those
// who come; nil: they get nothing.
func (h *Hub) sendToWatchers(first, now *eventstream.Frame) {
	for _, l := range h.loops {
		l.Do(func() {
			l.away = first
			for s := range l.watchers {
				s.send(now)
			}
		})
	}
}

// watch has the subscriber notified whether the source is away, from now on.
func (l *Loop) watch(s *Subscriber) {
	if l.watchers == nil {
		l.watchers = make(map[*Subscriber]struct{})
	}
	l.watchers[s] = struct{}{}
	if l.away != nil {
		s.send(l.away)
	}
}
