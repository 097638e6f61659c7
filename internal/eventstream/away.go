package eventstream

import "time"

// AwayType and BackType are the types of the events that say that Redis is away, so
// that nothing live arrives, and that it is heard again.
const (
	AwayType = "sse.away"
	BackType = "sse.back"
)

// AwayFrame and BackFrame encode the events, with the time since when it is so, as
// `{"since":"2026-11-24T15:04:05.123Z"}`. They have no ID: nobody's position moves.
func AwayFrame(since time.Time) *Frame { return sinceFrame(AwayType, since) }

// BackFrame is the other one; see [AwayFrame].
func BackFrame(since time.Time) *Frame { return sinceFrame(BackType, since) }

func sinceFrame(name string, since time.Time) *Frame {
	return Event{Type: name, Data: `{"since":"` + since.UTC().Format("2006-01-02T15:04:05.000Z") + `"}`}.Frame()
}
