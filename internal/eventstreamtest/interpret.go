// Package eventstreamtest reads event streams as clients do.
package eventstreamtest

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/caddy-sse/caddy-sse/internal/eventstream"
)

// A Received is an event as an EventSource dispatches it.
type Received struct {
	ID, Type, Data string
}

// AsReceived is e as a client is to receive it.
func AsReceived(e eventstream.Event) Received {
	data := strings.ReplaceAll(e.Data, "\r\n", "\n")
	data = strings.ReplaceAll(data, "\r", "\n")
	r := Received{Data: decode([]byte(data))}
	if eventstream.ValidID(e.ID) {
		r.ID = decode([]byte(e.ID))
	}
	if eventstream.ValidType(e.Type) {
		r.Type = decode([]byte(e.Type))
	}
	return r
}

// Interpret is the client's side of the HTML Standard, sections 9.2.5 and
// 9.2.6, to the letter: what a browser makes of these bytes.
func Interpret(stream []byte) (events []Received, retry string) {
	s := strings.TrimPrefix(decode(stream), "\uFEFF")
	s = strings.ReplaceAll(s, "\r\n", "\n")
	s = strings.ReplaceAll(s, "\r", "\n")

	var lastID, data, eventType string
	lines := strings.Split(s, "\n")
	for _, line := range lines[:len(lines)-1] { // what follows the last line end is incomplete
		field, value, found := strings.Cut(line, ":")
		switch {
		case line == "":
			if data != "" {
				events = append(events, Received{lastID, eventType, strings.TrimSuffix(data, "\n")})
			}
			data, eventType = "", ""
		case found && field == "":
			// a comment
		default:
			value = strings.TrimPrefix(value, " ")
			switch field {
			case "event":
				eventType = value
			case "data":
				data += value + "\n"
			case "id":
				if !strings.Contains(value, "\x00") {
					lastID = value
				}
			case "retry":
				if _, err := strconv.ParseUint(value, 10, 64); err == nil {
					retry = value
				}
			}
		}
	}
	return events, retry
}

// decode is the UTF-8 decode of the Encoding Standard: what is no UTF-8 becomes
// U+FFFD.
func decode(b []byte) string {
	var s strings.Builder
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		s.WriteRune(r)
		b = b[n:]
	}
	return s.String()
}
