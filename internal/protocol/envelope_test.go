package protocol_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	. "github.com/caddy-sse/caddy-sse/internal/eventstream"
	. "github.com/caddy-sse/caddy-sse/internal/eventstreamtest"
	. "github.com/caddy-sse/caddy-sse/internal/protocol"
)

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
		if events, _ := Interpret(e.Append(nil)); len(events) != 1 || events[0] != AsReceived(e) {
			t.Errorf("%+v arrived as %q", e, events)
		}
		if err == nil && utf8.ValidString(payload) {
			if again, err := ParseEnvelope(Envelope(e)); err != nil || again != e {
				t.Errorf("%+v came back as %+v, %v", e, again, err)
			}
		}
	})
}
