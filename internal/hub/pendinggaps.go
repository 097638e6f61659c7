package hub

import (
	"time"

	"github.com/caddy-sse/caddy-sse/internal/eventstream"
	"github.com/caddy-sse/caddy-sse/internal/protocol"
)

// pendingGaps are the gaps that a subscriber has yet to get, in one event.
//
// A page answers a gap by loading again what it shows, so those whom a fault has hit
// get them one after another, and of all their channels at once. Until then, no
// event that a subscriber gets has an ID: were its connection cut with a newer one,
// it would come back as if it had missed nothing. With the one that it had before the
// fault, it gets the gap when it comes back.
type pendingGaps struct {
	gaps []*protocol.Gap // of channels that are all different
	id   string          // of where the subscriber is now, for the event
	due  time.Duration   // in the loop's time
}

const (
	// DefaultGapSpread is over how long subscribers get their gaps, unless
	// [Hub.SpreadGaps] says otherwise.
	DefaultGapSpread = 3 * time.Second
	// gapPatience is for how much longer a gap waits until all the subscriber's
	// channels are subscribed again, so that one fault is one gap.
	gapPatience = 2 * time.Second
	// quickestGapTick is how often, at most, a loop looks whose gaps are due.
	quickestGapTick = 10 * time.Millisecond
)

// SpreadGaps sets over how long subscribers whom a fault has hit get their
// gaps: each at a moment of its own in the last three quarters of it, since the
// channels of one are not subscribed again at one moment. Zero: at once, as soon as all
// of them are.
func (h *Hub) SpreadGaps(d time.Duration) { h.gapSpread.Store(int64(d)) }

// gapDelay is a subscriber's own part of the spread.
func (h *Hub) gapDelay() time.Duration {
	d := time.Duration(h.gapSpread.Load())
	return d/4 + spread(d-d/4)
}

// expectPendingGaps has events be encoded without IDs, too, for as long as somebody
// may have gaps pending.
func (h *Hub) expectPendingGaps() {
	h.pendingGapsUntil = time.Now().Add(time.Duration(h.gapSpread.Load()) + gapPatience + time.Second)
}

// plainFrame is the frame of the event without any ID; nil if nobody needs it now.
func (h *Hub) plainFrame(r *record, v view, receivedAt time.Time) *eventstream.Frame {
	if receivedAt.After(h.pendingGapsUntil) {
		return nil
	}
	if v.hasEnds() && r.isStart() {
		return nil // it is an ID, and nothing else
	}
	event, _ := r.event(v)
	event.ID = ""
	return event.Frame()
}

// reportGap has the subscriber get the gap. The id is of where it is then; empty
// if it has none.
func (s *Subscriber) reportGap(gap *protocol.Gap, id string) {
	if s.closed != nil {
		return
	}
	p := s.pendingGaps
	if p == nil {
		p = &pendingGaps{due: s.loop.now + s.hub.gapDelay()}
		s.pendingGaps = p
	}
	p.add(gap)
	if id != "" {
		p.id = id
	}
	switch {
	case p.due <= s.loop.now && len(s.states) == 1:
		s.sendGaps(p.id)
	case len(p.gaps) == 1:
		s.loop.scheduleGaps(s)
	}
}

// add adds a gap, or what the channel has missed besides.
func (p *pendingGaps) add(gap *protocol.Gap) {
	for i, old := range p.gaps {
		if old.Channel == gap.Channel {
			both := *old // which others share
			both.To = gap.To
			p.gaps[i] = &both
			return
		}
	}
	p.gaps = append(p.gaps, gap)
}

// sendGaps tells the subscriber of all gaps that are pending.
func (s *Subscriber) sendGaps(id string) {
	p := s.pendingGaps
	if p == nil {
		return
	}
	s.pendingGaps = nil
	if s.request.SilentGaps {
		s.hub.countGap(p.gaps[0].Reason)
		s.breakOff()
		return
	}
	if s.hasVector() {
		id = ""
		s.send(eventstream.IDLine(s.vector()))
	}
	s.send(protocol.GapsFrame(p.gaps, id))
	s.hub.countGap(p.gaps[0].Reason)
}

// scheduleGaps has the loop tell the subscriber when its gaps are due.
func (l *Loop) scheduleGaps(s *Subscriber) {
	l.withPendingGaps = append(l.withPendingGaps, s)
	if len(l.withPendingGaps) == 1 {
		l.tickGaps()
	}
}

// tickGaps is one timer a loop, however many wait.
func (l *Loop) tickGaps() {
	tick := max(quickestGapTick, time.Duration(l.hub.gapSpread.Load())/100)
	time.AfterFunc(tick, func() { l.Do(l.sendDueGaps) })
}

// sendDueGaps tells those whose gaps are due.
func (l *Loop) sendDueGaps() {
	rest := l.withPendingGaps[:0]
	for _, s := range l.withPendingGaps {
		switch p := s.pendingGaps; {
		case p == nil: // it has got them, or has left
		case l.now < p.due, l.now < p.due+gapPatience && !s.allReady():
			rest = append(rest, s)
		default:
			s.sendGaps(p.id)
		}
	}
	clear(l.withPendingGaps[len(rest):])
	if l.withPendingGaps = rest; len(rest) == 0 {
		l.withPendingGaps = nil
		return
	}
	l.tickGaps()
}
