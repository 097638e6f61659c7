// Package eventstream is the wire format of the HTML Standard, section 9.2
// "Server-sent events": an event, and its bytes in text/event-stream. What apps and
// gateways agree on above it is package protocol.
package eventstream

import (
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// ContentType is the media type of an event stream (HTML Standard, section
// 9.2.5). It needs no charset: an event stream is always UTF-8.
const ContentType = "text/event-stream"

// An Event is what an EventSource hands to its page.
type Event struct {
	// ID becomes the browser's last event ID, which it sends as Last-Event-ID
	// when it reconnects. Empty leaves the browser's as it was. An ID that is
	// not valid is left out; see [ValidID].
	ID string
	// Type is the event's name in addEventListener; empty means "message". A
	// type with a line end cannot be written, and is left out.
	Type string
	// Data is the payload. CRLF, CR and LF all end a line of it, and reach the
	// page as LF.
	Data string
	// Retry sets the browser's reconnection time, in whole milliseconds; zero
	// leaves it as it was.
	Retry time.Duration
}

// Append appends the event's bytes to dst, the blank line that dispatches it
// included.
func (e Event) Append(dst []byte) []byte {
	if e.Retry > 0 {
		dst = AppendRetry(dst, e.Retry)
	}
	if e.ID != "" && ValidID(e.ID) {
		dst = appendField(dst, "id: ", e.ID)
	}
	if e.Type != "" && ValidType(e.Type) {
		dst = appendField(dst, "event: ", e.Type)
	}
	ends := "\r\n"
	if !strings.Contains(e.Data, "\r") {
		ends = "\n" // a single one is found many times as fast
	}
	for data, more := e.Data, true; more; {
		var line string
		line, data, more = cutLine(data, ends)
		dst = appendField(dst, "data: ", line)
	}
	return append(dst, '\n')
}

func appendField(dst []byte, name, value string) []byte {
	dst = append(dst, name...)
	dst = append(dst, value...)
	return append(dst, '\n')
}

// cutLine splits s after its first line, at any of the three line ends that a
// client takes for one (HTML Standard, section 9.2.5, production end-of-line). They are
// made of the characters of ends.
func cutLine(s, ends string) (line, rest string, more bool) {
	i := strings.IndexAny(s, ends)
	if i < 0 {
		return s, "", false
	}
	if strings.HasPrefix(s[i:], "\r\n") {
		return s[:i], s[i+2:], true
	}
	return s[:i], s[i+1:], true
}

// MaxID is how many bytes an event's ID may have: the browser sends it back in a
// header, and a server that refuses a header for its size has lost the page for
// good.
const MaxID = 512

// ValidID reports whether id can be an event's ID, which the browser sends back as
// the header Last-Event-ID when it reconnects. [MaxID] is the longest. It holds no
// control character, for which servers refuse the whole request (RFC 9110, section
// 5.5), so that the page could never come back; it neither begins nor ends with a
// space, which is not part of a header's value; and it is UTF-8, as which browsers
// read and send it, so that other letters than ASCII's come back as they are.
func ValidID(id string) bool {
	return len(id) <= MaxID && utf8.ValidString(id) && strings.Trim(id, " ") == id && !strings.ContainsFunc(id, unicode.IsControl)
}

// ValidType reports whether t can be an event's type: it holds no line end.
func ValidType(t string) bool {
	return !strings.ContainsAny(t, "\r\n")
}

// AppendRetry appends a line that sets the browser's reconnection time. No
// blank line follows, of which some clients make an event without data.
func AppendRetry(dst []byte, d time.Duration) []byte {
	dst = append(dst, "retry: "...)
	dst = strconv.AppendInt(dst, d.Milliseconds(), 10)
	return append(dst, '\n')
}

// Heartbeat is a comment line, which every client ignores (HTML Standard,
// section 9.2.7, recommends one against proxies that drop silent connections).
var Heartbeat = NewFrame(2, func(b []byte) []byte { return append(b, ":\n"...) })
