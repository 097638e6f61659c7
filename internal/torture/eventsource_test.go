package torture

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

// An event is what an EventSource hands to its page. Without data (nil) it is
// none, but its ID counts for the reconnection.
type event struct {
	id, kind string
	data     []byte // until the next event
}

// An interpreter makes events of an event stream's bytes, wherever they are cut
// (HTML Standard, section 9.2.6). The reconnection time does not bind those who
// torture, so retry is passed over with all that is unknown.
type interpreter struct {
	emit func(event)

	begun   bool
	afterCR bool
	line    []byte // what has come of it
	id      string
	kind    string
	data    []byte
}

// restart forgets what a connection left unfinished. The ID stays, as it does in
// browsers.
func (p *interpreter) restart(lastID string) {
	p.begun, p.afterCR, p.line = false, false, p.line[:0]
	p.id, p.kind, p.data = lastID, "", p.data[:0]
}

func (p *interpreter) feed(b []byte) {
	for len(b) > 0 {
		if p.afterCR && b[0] == '\n' {
			p.afterCR = false
			b = b[1:]
			continue
		}
		end := bytes.IndexAny(b, "\r\n")
		if end < 0 {
			p.afterCR = false
			p.line = append(p.line, b...)
			return
		}
		p.afterCR = b[end] == '\r'
		line := b[:end]
		if len(p.line) > 0 {
			p.line = append(p.line, line...)
			line = p.line
		}
		p.take(line)
		p.line = p.line[:0]
		b = b[end+1:]
	}
}

func (p *interpreter) take(line []byte) {
	if !p.begun {
		p.begun = true
		line = bytes.TrimPrefix(line, []byte("\uFEFF"))
	}
	if len(line) == 0 {
		p.dispatch()
		return
	}
	field, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.TrimPrefix(value, []byte(" "))
	switch string(field) {
	case "id":
		if bytes.IndexByte(value, 0) < 0 {
			p.id = string(value)
		}
	case "event":
		p.kind = string(value)
	case "data":
		p.data = append(append(p.data, value...), '\n')
	}
}

func (p *interpreter) dispatch() {
	e := event{id: p.id, kind: p.kind}
	if len(p.data) > 0 {
		e.data = p.data[:len(p.data)-1]
	}
	p.emit(e)
	p.kind, p.data = "", p.data[:0]
}

func TestInterpreter(t *testing.T) {
	stream := "\uFEFFretry: 5\n: hi\ndata: a\r\n\r\nid: 7\rdata:  b\rdata\rdata: c\r\rid: 8\n\n" +
		"event: x\nid: 9\x00\n\nevent: sse.gap\ndata:{}\nid\n\nid: 10\ndata: unfinished\n"
	want := []string{"||a", "7|| b\n\nc", "8||-", "8|x|-", "|sse.gap|{}"}
	for size := 1; size <= len(stream); size++ {
		var got []string
		p := interpreter{emit: func(e event) {
			data := "-"
			if e.data != nil {
				data = string(e.data)
			}
			got = append(got, strings.Join([]string{e.id, e.kind, data}, "|"))
		}}
		for part := range slices.Chunk([]byte(stream), size) {
			p.feed(part)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("by %d bytes: got %q", size, got)
		}
	}
}
