package relay

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/protocol"
)

// maxEvent is how many bytes an event of an answer may have.
const maxEvent = 1 << 20

// errTooLong is why an answer is given up.
var errTooLong = errors.New("an event of the app is longer than 1 MiB")

// A parser reads an event stream as it comes (HTML Standard, section 9.2.6): what is no
// UTF-8 becomes U+FFFD, comments are left out, and so is an event without data, and what
// comes after the last blank line.
type parser struct {
	each func(fields []string)

	line    []byte // its beginning, if its end has not come yet
	begun   bool   // the first line was read, which may begin with a byte order mark
	endedCR bool   // the line before ended with a CR, so that a LF belongs to it

	data      []byte
	hasData   bool
	eventType string
	id        string
	hasID     bool
	retry     string
}

// write takes the next bytes.
func (p *parser) write(b []byte) error {
	for len(b) > 0 {
		if p.endedCR && b[0] == '\n' {
			b = b[1:]
		}
		p.endedCR = false
		i := bytes.IndexAny(b, "\r\n")
		if i < 0 {
			p.line = append(p.line, b...)
			if len(p.line) > maxEvent {
				return errTooLong
			}
			return nil
		}
		line := b[:i]
		if len(p.line) > 0 {
			p.line = append(p.line, line...)
			line = p.line
		}
		if len(line)+len(p.data) > maxEvent {
			return errTooLong
		}
		p.read(line)
		p.line = p.line[:0]
		if cap(p.line) > 4<<10 {
			p.line = nil
		}
		p.endedCR = b[i] == '\r'
		b = b[i+1:]
	}
	return nil
}

func (p *parser) read(line []byte) {
	if !p.begun {
		p.begun = true
		line = bytes.TrimPrefix(line, []byte("\ufeff"))
	}
	if len(line) == 0 {
		p.dispatch()
		return
	}
	name, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.TrimPrefix(value, []byte(" "))
	switch string(name) {
	case "data":
		if p.hasData {
			p.data = append(p.data, '\n')
		}
		p.data, p.hasData = append(p.data, value...), true
	case "event":
		p.eventType = utf8Text(value)
	case "id":
		if bytes.IndexByte(value, 0) < 0 {
			p.id, p.hasID = utf8Text(value), true
		}
	case "retry":
		if n, err := strconv.ParseUint(string(value), 10, 63); err == nil && time.Duration(n) <= protocol.MaxRetry/time.Millisecond {
			p.retry = string(value)
		}
	}
}

func utf8Text(b []byte) string { return strings.ToValidUTF8(string(b), "\ufffd") }

// dispatch hands an event on, as the fields of an entry. The app's own ID becomes the
// field uid.
func (p *parser) dispatch() {
	if p.hasData {
		fields := append(make([]string, 0, 4), "data", utf8Text(p.data))
		if p.eventType != "" {
			fields = append(fields, "event", p.eventType)
		}
		if p.retry != "" {
			fields = append(fields, "retry", p.retry)
		}
		if p.hasID {
			fields = append(fields, "uid", p.id)
		}
		p.each(fields)
		p.retry, p.hasID = "", false
	}
	p.data, p.hasData, p.eventType = p.data[:0], false, ""
	if cap(p.data) > 4<<10 {
		p.data = nil
	}
}
