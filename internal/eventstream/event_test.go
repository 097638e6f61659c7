package eventstream_test

import (
	"bufio"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/net/http/httpguts"

	. "github.com/caddy-sse/caddy-sse/internal/eventstream"
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
	events, retry := interpret(AppendRetry(nil, 3*time.Second))
	if len(events) != 0 || retry != "3000" {
		t.Errorf("got %v and retry %q", events, retry)
	}
	if events, _ := interpret(Heartbeat.Bytes()); len(events) != 0 {
		t.Errorf("a heartbeat dispatched %v", events)
	}
}

// asReceived is the event that a client is to see.
func asReceived(e Event) received {
	data := strings.ReplaceAll(e.Data, "\r\n", "\n")
	data = strings.ReplaceAll(data, "\r", "\n")
	r := received{data: decode([]byte(data))}
	if ValidID(e.ID) {
		r.id = decode([]byte(e.ID))
	}
	if ValidType(e.Type) {
		r.event = decode([]byte(e.Type))
	}
	return r
}

// sentBack is the ID as a server gets it in the header of a browser that
// reconnects.
func sentBack(id string) (string, error) {
	if !httpguts.ValidHeaderFieldValue(id) {
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
		events, _ := interpret(after.Append(e.Append(nil)))
		want := asReceived(e)
		// A broken sequence before a line end, the only place where decoding
		// may see more than the field, is still a line end to a client.
		if len(events) != 2 || events[0] != want || events[1] != asReceived(after) {
			t.Errorf("%+v arrived as %q, want %q", e, events, want)
		}
	})
}

func TestEnvelope(t *testing.T) {
	for payload, want := range map[string]Event{
		`{"data":"hi"}`: {Data: "hi"},
		`{"event":"like","data":"hi","id":"17","retry":10000}`: {ID: "17", Type: "like", Data: "hi", Retry: 10 * time.Second},
		`{"data":{"a": [1, 2]}}`:                               {Data: `{"a":[1,2]}`},
		`{"data":12.50}`:                                       {Data: "12.50"},
		`{"data":null}`:                                        {Data: "null"},
		`{"data":"", "event":null,"id":null,"retry":null}`:     {},
		`{"data":1,"id":17}`:                                   {ID: "17", Data: "1"},
		`{"data":1,"id":"größe 7 🦆"}`:                          {ID: "größe 7 🦆", Data: "1"},
		` {"data":"a\nb"} `:                                    {Data: "a\nb"},
	} {
		if got, err := ParseEnvelope(payload); err != nil || got != want {
			t.Errorf("%s: got %+v, %v; want %+v", payload, got, err, want)
		}
	}
	for payload, want := range map[string]string{
		``:                          "JSON object",
		`hi`:                        "JSON object",
		`null`:                      "JSON object",
		`["data"]`:                  "JSON object",
		`{"data":1} x`:              "JSON object",
		`{}`:                        `needs "data"`,
		`{"Data":1}`:                `needs "data"`,
		`{"data":1,"user":"x"}`:     `no "user"`,
		`{"data":1,"event":7}`:      `"event"`,
		`{"data":1,"event":"a\nb"}`: `"event"`,
		`{"data":1,"id":"a\u0000"}`: `"id"`,
		`{"data":1,"id":"\u0001"}`:  `"id"`,
		`{"data":1,"id":"a\tb"}`:    `"id"`,
		`{"data":1,"id":"a\u007f"}`: `"id"`,
		`{"data":1,"id":"a\u0085"}`: `"id"`,
		`{"data":1,"id":" a"}`:      `"id"`,
		`{"data":1,"id":"a "}`:      `"id"`,
		`{"data":1,"id":" "}`:       `"id"`,
		`{"data":1,"id":{}}`:        `"id"`,
		`{"data":1,"id":"` + strings.Repeat("x", MaxID+1) + `"}`: "at most 512 bytes",
		`{"data":1,"retry":-1}`:                                  `"retry"`,
		`{"data":1,"retry":1.5}`:                                 `"retry"`,
		`{"data":1,"retry":"10"}`:                                `"retry"`,
		`{"data":1,"retry":1000000000}`:                          `"retry"`,
	} {
		if got, err := ParseEnvelope(payload); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %+v, %v; want an error with %s", payload, got, err, want)
		}
	}
}

func FuzzEnvelope(f *testing.F) {
	f.Add(`{"event":"like","data":{"a":1},"id":"17","retry":10000}`)
	f.Add(`{"data":"a\r\n","id":1}`)
	f.Fuzz(func(t *testing.T, payload string) {
		e, err := Payload(payload).Event(View{Format: JSON, Type: "t"})
		if err != nil && e != (Event{Type: "t", Data: payload}) {
			t.Fatalf("a malformed envelope arrived as %+v", e)
		}
		if events, _ := interpret(e.Append(nil)); len(events) != 1 || events[0] != asReceived(e) {
			t.Errorf("%+v arrived as %q", e, events)
		}
		if err == nil && utf8.ValidString(payload) {
			if again, err := ParseEnvelope(Envelope(e)); err != nil || again != e {
				t.Errorf("%+v came back as %+v, %v", e, again, err)
			}
		}
	})
}

func TestView(t *testing.T) {
	text, err := Payload(`{"data":"hi"}`).Event(View{Type: "note"})
	if want := (Event{Type: "note", Data: `{"data":"hi"}`}); err != nil || text != want {
		t.Errorf("got %+v, %v", text, err)
	}
	named, err := Payload(`{"event":"like","data":"hi"}`).Event(View{Format: JSON, Type: "note"})
	if want := (Event{Type: "like", Data: "hi"}); err != nil || named != want {
		t.Errorf("got %+v, %v", named, err)
	}
	if _, err := ParseFormat("xml"); err == nil {
		t.Error("xml is a format")
	}
}

func TestGap(t *testing.T) {
	one := &Gap{Channel: "chat:1", Reason: Unknown}
	two := &Gap{Channel: "chat:2", Reason: Reset, From: "1-0", To: "2-0"}
	for want, frame := range map[string]*Frame{
		`{"channel":"chat:1","reason":"unknown","from":"","to":"","channels":["chat:1"]}`:              one.Frame("7"),
		`{"channel":"chat:2","reason":"reset","from":"1-0","to":"2-0","channels":["chat:2","chat:1"]}`: GapsFrame([]*Gap{two, one}, "7"),
	} {
		if got := string(frame.Bytes()); got != "id: 7\nevent: sse.gap\ndata: "+want+"\n\n" {
			t.Errorf("got %q", got)
		}
	}
}
