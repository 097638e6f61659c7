package protocol

import (
	"strings"

	"github.com/caddy-sse/caddy-sse/internal/eventstream"
)

// A Signal is an event that is of the moment: nobody remembers it, so it has no
// ID, and who was away does not get it later. Gateways say it to each other as
//
//	NUL "sse1! " type LF data
//
// whatever the format of the channel's payloads is.
type Signal struct {
	Type, Data string
}

const signalPrefix = "\x00sse1! "

// Payload is what to publish.
func (s Signal) Payload() string { return signalPrefix + s.Type + "\n" + s.Data }

// ParseSignal reads what [Signal.Payload] makes; ok is false for any other
// payload.
func ParseSignal(payload string) (s Signal, ok bool) {
	rest, ok := strings.CutPrefix(payload, signalPrefix)
	if !ok {
		return Signal{}, false
	}
	s.Type, s.Data, ok = strings.Cut(rest, "\n")
	return s, ok && eventstream.ValidType(s.Type)
}

// Frame encodes the signal.
func (s Signal) Frame() *eventstream.Frame {
	return eventstream.Event{Type: s.Type, Data: s.Data}.Frame()
}

// IsReserved reports whether a payload looks like one of those that gateways and
// the publishing script say: nobody else may publish it.
func IsReserved(payload string) bool { return strings.HasPrefix(payload, "\x00") }
