package subscribe

import (
	"errors"

	"github.com/caddy-sse/caddy-sse/handlers/request"
)

// A Greeting is an event that every subscriber begins with.
type Greeting struct {
	// The event's type. Default: none, which a browser calls `message`.
	Event string `json:"event,omitempty"`
	// The event's data. Placeholders are filled in, here and in the type; in data
	// that is JSON they are escaped, as in sse_publish.
	Data string `json:"data,omitempty"`

	data request.Template
}

// check checks a greeting. A browser drops an event without data.
func (g *Greeting) check() error {
	switch {
	case g == nil:
		return nil
	case g.Data == "":
		return errors.New("greeting needs data: browsers drop an event without")
	}
	return request.CheckEventType("greeting: event", g.Event)
}
