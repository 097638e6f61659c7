package protocol_test

import (
	"testing"

	. "github.com/caddy-sse/caddy-sse/internal/protocol"
)

func TestEnd(t *testing.T) {
	for _, test := range []struct {
		fields []string
		want   EndReason
	}{
		{[]string{"data", "x"}, ""},
		{[]string{"event", "sse.start"}, ""},
		{[]string{"data", "sse.end", "x", "event"}, ""},
		{[]string{"event", "sse.end"}, EndDone},
		{[]string{"event", "sse.end", "reason", ""}, EndDone},
		{[]string{"reason", "done", "event", "sse.end"}, EndDone},
		{[]string{"event", "sse.end", "reason", "stopped"}, EndStopped},
		{[]string{"event", "sse.end", "reason", "lost"}, EndLost},
		{[]string{"event", "sse.end", "reason", "Done"}, EndError},
		{[]string{"event", "sse.end", "reason", "out of memory\nid: 1"}, EndError},
	} {
		reason, isEnd := Entry{Fields: test.fields}.End()
		if reason != test.want || isEnd != (test.want != "") {
			t.Errorf("%q: got %q, %v", test.fields, reason, isEnd)
		}
	}
	said := Ends{Event: "over"}
	said.Say[2] = LastWord{Data: "gone"}
	for _, test := range []struct {
		ends   Ends
		fields []string
		want   string
		says   bool
	}{
		{Ends{}, []string{"reason", "lost"}, "id: 7-1\n\n", false},
		{said, []string{"reason", "lost"}, "id: 7-1\ndata: gone\n\n", true},
		{said, []string{"reason", "error"}, "id: 7-1\nevent: over\ndata: {\"reason\":\"error\"}\n\n", true},
		{said, []string{"reason", "x\"y"}, "id: 7-1\nevent: over\ndata: {\"reason\":\"error\"}\n\n", true},
		{said, []string{"data", "mine"}, "id: 7-1\nevent: over\ndata: mine\n\n", true},
	} {
		entry := Entry{ID: EntryID{Ms: 7, Seq: 1}, Fields: append([]string{"event", "sse.end"}, test.fields...)}
		frame, says := test.ends.Frame(entry)
		if string(frame.Bytes()) != test.want || says != test.says {
			t.Errorf("%q: got %q, %v", test.fields, frame.Bytes(), says)
		}
	}
}
