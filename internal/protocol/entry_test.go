package protocol_test

import (
	"math"
	"strings"
	"testing"
	"time"

	. "github.com/caddy-sse/caddy-sse/internal/eventstream"
	. "github.com/caddy-sse/caddy-sse/internal/eventstreamtest"
	. "github.com/caddy-sse/caddy-sse/internal/protocol"
)

func TestEntryID(t *testing.T) {
	for text, want := range map[string]EntryID{
		"0-0":             {},
		"1526919030474-5": {Ms: 1526919030474, Seq: 5},
		"18446744073709551615-18446744073709551615": {Ms: math.MaxUint64, Seq: math.MaxUint64},
	} {
		if got, ok := ParseEntryID(text); !ok || got != want || got.String() != text {
			t.Errorf("%s was read as %s, %t", text, got, ok)
		}
	}
	for _, text := range []string{"", "-", "5", "5-", "-5", "05-1", "5-1-1", "+5-1", "5-1 ", "18446744073709551616-0", "a-b", "\xff"} {
		if got, ok := ParseEntryID(text); ok {
			t.Errorf("%q was read as %s", text, got)
		}
	}
	for text, want := range map[string]EntryID{"0": {}, "1526919030474": {Ms: 1526919030474}, "7-1": {Ms: 7, Seq: 1}, "18446744073709551615": {Ms: math.MaxUint64}} {
		if got, ok := ParseShortEntryID(text); !ok || got != want {
			t.Errorf("%s, of a client, was read as %s, %t", text, got, ok)
		}
	}
	for _, text := range []string{"", "-", "5-", "-5", "05", "+5", "5 ", "5-*", "18446744073709551616", "$"} {
		if got, ok := ParseShortEntryID(text); ok {
			t.Errorf("%q, of a client, was read as %s", text, got)
		}
	}
	order := []EntryID{{0, 0}, {0, 1}, {1, 0}, {1, math.MaxUint64}, {2, 0}}
	for i, a := range order {
		for j, b := range order {
			if got := a.Compare(b); got < 0 != (i < j) || got > 0 != (i > j) {
				t.Errorf("%s compared to %s is %d", a, b, got)
			}
		}
	}
	for id, want := range map[EntryID]EntryID{{5, 3}: {5, 2}, {5, 0}: {4, math.MaxUint64}, {}: {}} {
		if got := id.Before(); got != want {
			t.Errorf("before %s is %s", id, got)
		}
	}
}

func TestEntryBecomesEvent(t *testing.T) {
	id := EntryID{Ms: 7, Seq: 1}
	for _, test := range []struct {
		fields []string
		view   View
		want   Event
		bad    string
	}{
		{[]string{"data", "hi"}, View{}, Event{ID: "7-1", Data: "hi"}, ""},
		{[]string{"retry", "1500", "event", "like", "data", "a\nb", "by", "7"}, View{Type: "t"}, Event{ID: "7-1", Type: "like", Data: "a\nb", Retry: 1500 * time.Millisecond}, ""},
		{[]string{"by", "7", "event", "like", "<x>", "\"é"}, View{Format: JSON}, Event{ID: "7-1", Type: "like", Data: `{"by":"7","\u003cx\u003e":"\"é"}`}, ""},
		{[]string{"by", "7"}, View{}, Event{ID: "7-1"}, "no field data"},
		{[]string{"data", "", "event", "a\nb"}, View{Type: "t"}, Event{ID: "7-1", Type: "t"}, "line end"},
		{[]string{"data", "x", "retry", "soon"}, View{}, Event{ID: "7-1", Data: "x"}, "milliseconds"},
	} {
		got, err := Entry{id, test.fields}.Event(test.view)
		if got != test.want || test.bad == "" != (err == nil) || err != nil && !strings.Contains(err.Error(), test.bad) {
			t.Errorf("%q became %+v, %v", test.fields, got, err)
		}
	}
	e := Event{Type: "like", Data: "hi\n", Retry: time.Second}
	again, err := Entry{id, Fields(e)}.Event(View{})
	if e.ID = "7-1"; err != nil || again != e {
		t.Errorf("%+v came back as %+v, %v", e, again, err)
	}
}

func TestStored(t *testing.T) {
	payload := "\x00sse1 7-1 6-0 4 6 5 4\ndatahi\n\x00\xffxeventlike"
	got, ok := ParseStored(payload)
	if !ok || got.ID != (EntryID{7, 1}) || got.Previous != (EntryID{6, 0}) || strings.Join(got.Fields, "|") != "data|hi\n\x00\xffx|event|like" {
		t.Errorf("got %+v, %t", got, ok)
	}
	if e, err := Payload(payload).Event(View{Format: JSON}); err != nil || e != (Event{ID: "7-1", Type: "like", Data: "hi\n\x00\xffx"}) {
		t.Errorf("a live channel got %+v, %v", e, err)
	}
	for _, bad := range []string{
		"", "hi", "sse1 7-1 6-0 1 1\nab", "\x00sse2 7-1 6-0 1 1\nab", "\x00sse1 7-1 6-0 1 1", "\x00sse1 7-1\n",
		"\x00sse1 7-1 x 1 1\nab", "\x00sse1 7-1 6-0 1 2\nab", "\x00sse1 7-1 6-0 1 1\nabc", "\x00sse1 7-1 6-0 1\na",
		"\x00sse1 7-1 6-0 -1 3\nab", "\x00sse1 7-1 6-0 9999999999 1\nab",
	} {
		if got, ok := ParseStored(bad); ok {
			t.Errorf("%q was read as %+v", bad, got)
		}
	}
}

func FuzzStored(f *testing.F) {
	f.Add("\x00sse1 7-1 6-0 4 6 5 4\ndatahi\n\x00\xffxeventlike")
	f.Fuzz(func(t *testing.T, payload string) {
		e, _ := Payload(payload).Event(View{Format: JSON, Type: "t"})
		if events, _ := Interpret(e.Append(nil)); len(events) != 1 || events[0] != AsReceived(e) {
			t.Errorf("%+v arrived as %q", e, events)
		}
	})
}
