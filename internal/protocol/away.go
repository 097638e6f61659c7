package protocol

import (
	"time"

	"github.com/caddy-sse/caddy-sse/internal/eventstream"
)

// AwayType and BackType are the types of the events that say that Redis is away, so
// that nothing live arrives, and that it is back.
const (
	AwayType = "sse.away"
	BackType = "sse.back"
)

// AwayFrame and BackFrame encode the events, with the time since when it is so, as
// `{"since":"2026-11-24T15:04:05.123Z"}`. They have no ID: nobody's position moves.
func AwayFrame(since time.Time) *eventstream.Frame { return sinceFrame(AwayType, since) }

// BackFrame is the other one; see [AwayFrame].
func BackFrame(since time.Time) *eventstream.Frame { return sinceFrame(BackType, since) }

func sinceFrame(name string, since time.Time) *eventstream.Frame {
	return eventstream.Event{Type: name, Data: `{"since":"` + since.UTC().Format("2006-01-02T15:04:05.000Z") + `"}`}.Frame()
}
