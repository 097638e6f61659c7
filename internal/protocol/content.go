package protocol

import "github.com/caddy-sse/caddy-sse/internal/eventstream"

// A Content becomes an event in the way that a view reads it. What is malformed
// is not lost: the event holds what there is, and the error says what is wrong.
type Content interface {
	Event(View) (eventstream.Event, error)
}

// A Payload is what was published to a channel.
type Payload string

// Event is the payload as an event: its data, or what its envelope says. What
// the publishing script said is the entry that it stored.
func (p Payload) Event(v View) (eventstream.Event, error) {
	if stored, ok := ParseStored(string(p)); ok {
		return stored.Event(v)
	}
	e, err := eventstream.Event{Data: string(p)}, error(nil)
	if v.Format == JSON {
		if e, err = ParseEnvelope(string(p)); err != nil {
			e = eventstream.Event{Data: string(p)}
		}
	}
	if e.Type == "" {
		e.Type = v.Type
	}
	return e, err
}

var (
	_ Content = Payload("")
	_ Content = Entry{}
)
