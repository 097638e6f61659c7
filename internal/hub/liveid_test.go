package hub_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	. "github.com/caddy-sse/caddy-sse/internal/hub"
)

var ids = regexp.MustCompile(`(?m)^id: (.*)$`)

// idsOf are the event IDs that came.
func idsOf(out *outlet) (all []string) {
	for _, match := range ids.FindAllStringSubmatch(out.got.String(), -1) {
		all = append(all, match[1])
	}
	return all
}

// What was published between two lives of a channel was missed, though the hub's
// numbers go on as if nothing had been.
func TestANewLifeOfAChannelIsANewPosition(t *testing.T) {
	keep := Retention{Events: 10, Bytes: 1 << 20}
	for _, events := range []int{0, 1, 3} {
		h := New(new(source), 1)
		s, out := keeper(false, "", keep, "x")
		join(h, s, out)
		h.Subscribed("x")
		for i := range events {
			h.Message("x", fmt.Sprint("event ", i))
		}
		h.Settle()
		h.Leave(s)
		h.Message("x", "missed")

		all := idsOf(out)
		back, out := keeper(false, all[len(all)-1], keep, "x")
		join(h, back, out)
		h.Subscribed("x")
		h.Open(back)
		h.Message("x", "next")
		h.Settle()
		if got := out.got.String(); !strings.Contains(got, `{"channel":"x","reason":"unknown","from":"`+all[len(all)-1]) || !strings.Contains(got, "data: next\n") {
			t.Errorf("after %d events came %q", events, got)
		}
		all = idsOf(out)
		again, out := keeper(false, all[len(all)-1], keep, "x")
		join(h, again, out)
		h.Open(again)
		h.Settle()
		if got := out.got.String(); got != "" {
			t.Errorf("a subscriber that has missed nothing got %q", got)
		}
	}
}

// Of equal IDs of the app's own, the newest is where a client was.
func TestOwnIDsThatRepeat(t *testing.T) {
	t.Parallel()
	h := New(new(source), 1)
	s, out := several(false, "", "x")
	join(h, s, out)
	h.Subscribed("x")
	for i, id := range []string{"a", "b", "a", "c"} {
		h.Message("x", fmt.Sprintf(`{"id":%q,"data":"event %d"}`, id, i))
	}
	back, out := several(false, "a", "x")
	join(h, back, out)
	h.Open(back)
	h.Settle()
	for i, want := range []bool{false, false, false, true} {
		if got := strings.Contains(out.got.String(), fmt.Sprint("data: event ", i)); got != want {
			t.Errorf("event %d came: %t\n%s", i, got, out.got.String())
		}
	}
}

// Another gateway tells equal payloads apart if it has received the same before, and
// else, after a while, too; until then rather too much comes than too little.
func TestEqualPayloadsAreToldApart(t *testing.T) {
	keep := Retention{Events: 1000, Bytes: 1 << 20}
	begin := func() (*Hub, *outlet) {
		h := New(new(source), 1)
		s, out := keeper(false, "", keep, "x")
		join(h, s, out)
		h.Subscribed("x")
		return h, out
	}
	first, seen := begin()
	second, _ := begin()
	late, _ := begin()
	say := func(payload string, to ...*Hub) {
		for _, h := range to {
			h.Message("x", payload)
			h.Settle()
		}
	}
	say("early", first, second)
	for range 40 {
		say("equal", first, second, late)
	}
	for i := range 200 {
		say(fmt.Sprint("other ", i), first, second, late)
	}
	for range 40 {
		say("equal", first, second, late)
	}
	all := idsOf(seen)[1:] // after the one of the beginning
	for _, test := range []struct {
		h        *Hub
		at, want int
		atLeast  bool
	}{
		{second, 31, 281 - 32, false},
		{second, 271, 9, false},
		{late, 31, 281 - 32, true},
		{late, 271, 9, false},
	} {
		back, out := keeper(false, all[test.at], keep, "x")
		join(test.h, back, out)
		test.h.Open(back)
		test.h.Settle()
		got := strings.Count(out.got.String(), "data: ")
		if strings.Contains(out.got.String(), "sse.gap") || got < test.want || got != test.want && !test.atLeast {
			t.Errorf("after event %d came %d events, not %d", test.at, got, test.want)
		}
	}
}
