package eventstream_test

import (
	"bufio"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	. "github.com/caddy-sse/caddy-sse/internal/eventstream"
	. "github.com/caddy-sse/caddy-sse/internal/eventstreamtest"
)

func TestEventBytes(t *testing.T) {
	for name, test := range map[string]struct {
		event Event
		want  string
	}{
		"data":                 {Event{Data: "hi"}, "data: hi\n\n"},
		"everything":           {Event{ID: "7", Type: "like", Data: "hi", Retry: 10 * time.Second}, "retry: 10000\nid: 7\nevent: like\ndata: hi\n\n"},
		"every line end":       {Event{Data: "a\nb\rc\r\nd"}, "data: a\ndata: b\ndata: c\ndata: d\n\n"},
		"empty data":           {Event{}, "data: \n\n"},
		"blank lines":          {Event{Data: "\n\r\n\r"}, "data: \ndata: \ndata: \ndata: \n\n"},
		"leading space":        {Event{Data: " a"}, "data:  a\n\n"},
		"an id cannot end":     {Event{ID: "7\ndata: forged", Data: "a"}, "data: a\n\n"},
		"an id with NUL":       {Event{ID: "7\x00", Data: "a"}, "data: a\n\n"},
		"a type cannot end":    {Event{Type: "like\rdata: forged", Data: "a"}, "data: a\n\n"},
		"a field name in data": {Event{Data: "id: 9\n: comment"}, "data: id: 9\ndata: : comment\n\n"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := string(test.event.Append(nil)); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestRetryDispatchesNothing(t *testing.T) {
	events, retry := Interpret(AppendRetry(nil, 3*time.Second))
	if len(events) != 0 || retry != "3000" {
		t.Errorf("got %v and retry %q", events, retry)
	}
	if events, _ := Interpret(Heartbeat.Bytes()); len(events) != 0 {
		t.Errorf("a heartbeat dispatched %v", events)
	}
}

// sentBack is the ID as a server gets it in the header of a browser that
// reconnects.
func sentBack(id string) (string, error) {
	isControl := func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f } // RFC 9110, section 5.5
	if strings.ContainsFunc(id, isControl) {
		return "", errors.New("the request is refused")
	}
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET / HTTP/1.1\r\nHost: a\r\nLast-Event-ID: " + id + "\r\n\r\n")))
	if err != nil {
		return "", err
	}
	return r.Header.Get("Last-Event-ID"), nil
}

// Whatever goes in, the same event comes out, and nothing spills into the one
// after it.
func FuzzEvent(f *testing.F) {
	f.Add("1", "like", "hi")
	f.Add("1\ndata: x", "a\r\nb", "a\rb\r\nc\n\n")
	f.Add("", "", "\x00\xff\xfe\xe2\n\x80\ufeff")
	f.Add(" ", " ", " \n :")
	f.Add("\x01", "", "")
	f.Add("größe 7", "", "")
	f.Add("a ", "", "")
	f.Fuzz(func(t *testing.T, id, eventType, data string) {
		e := Event{ID: id, Type: eventType, Data: data}
		if back, err := sentBack(id); ValidID(id) && (err != nil || back != id) {
			t.Errorf("the ID %q came back as %q, %v", id, back, err)
		}
		after := Event{ID: "after", Type: "after", Data: "after"}
		events, _ := Interpret(after.Append(e.Append(nil)))
		want := AsReceived(e)
		// A broken sequence before a line end, the only place where decoding
		// may see more than the field, is still a line end to a client.
		if len(events) != 2 || events[0] != want || events[1] != AsReceived(after) {
			t.Errorf("%+v arrived as %q, want %q", e, events, want)
		}
	})
}
