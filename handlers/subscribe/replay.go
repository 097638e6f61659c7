package subscribe

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/caddy-sse/caddy-sse/internal/bounds"
	"github.com/caddy-sse/caddy-sse/internal/protocol"
)

// A Replay says how much of a channel's history is replayed.
type Replay struct {
	// How many of the newest events somebody gets who comes for the first
	// time. Default: 0.
	Last int `json:"last,omitempty"`

	// Instead of `last`: somebody gets all events who comes for the first time, from the
	// newest entry on whose field `event` is `sse.start`, or, if there is none, from the
	// oldest. Then there is one channel.
	All bool `json:"all,omitempty"`

	// How many events are replayed at most. Who has missed more gets an
	// `sse.gap`, and the newest so many. Default: 1000, with `all` 10000.
	Max int `json:"max,omitempty"`
}

// MaxReplay is the most that can be configured: it is read at once.
const MaxReplay = 100_000

// DefaultMax is how many events are replayed at most unless configured.
const DefaultMax = 1000

// DefaultAllMax is that with `all`.
const DefaultAllMax = 10_000

func (r *Replay) defaultMax() int {
	if r.All {
		return DefaultAllMax
	}
	return DefaultMax
}

// checkHistory checks what is said of history.
func (s *Subscribe) checkHistory() error {
	if s.Ends != nil && (s.History == nil || !s.History.All) {
		return errors.New("ends needs history all: a run is sent from its beginning")
	}
	if s.History == nil {
		return nil
	}
	if s.History.All && (s.History.Last > 0 || len(s.Channels) > 1) {
		return errors.New("history all takes one channel, and no last: it begins where the channel's newest run does")
	}
	if len(s.Channels) > protocol.MaxVector {
		return fmt.Errorf("sse_subscribe with history takes %d channels at most, not %d: an event's ID holds the position in each, and a browser sends no more than 128 bytes of it to another origin without asking first",
			protocol.MaxVector, len(s.Channels))
	}
	if err := cmp.Or(
		bounds.Number("history: last", s.History.Last, 1, MaxReplay), bounds.Number("history: max", s.History.Max, 1, MaxReplay),
	); err != nil {
		return err
	}
	if s.History.Last > cmp.Or(s.History.Max, s.History.defaultMax()) {
		return fmt.Errorf("history: last is at most max (%d by default), and max at most %d", DefaultMax, MaxReplay)
	}
	return nil
}
