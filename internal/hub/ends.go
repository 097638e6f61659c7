package hub

import (
	"errors"
	"unique"

	"github.com/caddy-sse/caddy-sse/internal/eventstream"
	"github.com/caddy-sse/caddy-sse/internal/protocol"
)

// Reasons for which a hub closes a subscriber that wants the ends of runs.
var (
	// ErrDone: the run is all there.
	ErrDone = errors.New("done: all that there is has been sent")
	// ErrToldEnd: the run is not all there, and the last event says so.
	ErrToldEnd = errors.New("the run did not end as done, of which the last event tells")
	// ErrEnded: the run is not all there, and no event says so.
	ErrEnded = errors.New("the run did not end as done")
	// ErrGap: events may be missing, and no event says so.
	ErrGap = errors.New("events may be missing, of which no event is to tell")
)

// IsWhole reports whether a subscriber that wants the ends of runs has got all that
// there is, or has been told that it has not, when it is closed for that reason. All
// other ends are to be taken for a cut connection.
func IsWhole(reason error) bool {
	return errors.Is(reason, ErrDone) || errors.Is(reason, ErrToldEnd)
}

func (v view) hasEnds() bool { return v.ends != (unique.Handle[protocol.Ends]{}) }

// isStart reports whether a run begins with the record.
func (r *record) isStart() bool {
	entry, ok := r.content.(protocol.Entry)
	return ok && entry.IsStart()
}

// markFrame is the frame of a run's start, which is an ID alone, or of its end; nil for
// any other record.
func (r *record) markFrame(v view) *eventstream.Frame {
	if r.isStart() {
		return eventstream.IDFrame(r.id())
	}
	if r.endFor(v) == nil {
		return nil
	}
	frame, _ := v.ends.Value().Frame(r.content.(protocol.Entry))
	return frame
}

// endFor is why the record ends a subscription of that view; nil: it does not.
func (r *record) endFor(v view) error {
	entry, ok := r.content.(protocol.Entry)
	if !ok || !v.hasEnds() {
		return nil
	}
	reason, isEnd := entry.End()
	if !isEnd {
		return nil
	}
	if reason == protocol.EndDone {
		return ErrDone
	}
	if _, says := v.ends.Value().Frame(entry); says {
		return ErrToldEnd
	}
	return ErrEnded
}

// endRun closes the subscriber after the frame of the run's end. It comes back, if it
// does, with the ID of that, so that it gets its gaps now.
func (s *Subscriber) endRun(end *eventstream.Frame, reason error) {
	s.sendGaps("")
	s.closeWith(end, reason)
}

// breakOff closes a subscriber that would be told of a gap, and is to be told of none.
func (s *Subscriber) breakOff() { s.closeWith(s.lastFrame(), ErrGap) }
