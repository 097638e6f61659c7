package protocol

import "fmt"

// A Format says how a payload becomes an event.
type Format string

const (
	// Text takes the whole payload as the event's data. It is the default.
	Text Format = "text"
	// JSON takes the payload as an envelope; see [ParseEnvelope].
	JSON Format = "json"
)

// ParseFormat returns the format of that name; empty means Text.
func ParseFormat(name string) (Format, error) {
	switch f := Format(name); f {
	case "":
		return Text, nil
	case Text, JSON:
		return f, nil
	}
	return "", fmt.Errorf("unknown format %q: it is text or json", name)
}

// A View is how a subscriber wants a channel's payloads read. Subscribers with
// equal views share their frames.
type View struct {
	Format Format
	// Type is the type of an event that names none itself.
	Type string
}
