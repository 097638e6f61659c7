package hub_test

import (
	"strings"
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/eventstream"
	. "github.com/caddy-sse/caddy-sse/internal/hub"
)

// newcomer is a subscriber that comes for the first time, and wants so many of the
// newest events.
func newcomer(last int, channel string) (*Subscriber, *outlet) {
	return NewSubscriber(Request{
		Channels: []ChannelRequest{{Channel: channel}},
		History:  true, Last: last, Max: 1000,
		Preamble: eventstream.NewFrame(0, func(b []byte) []byte { return b }),
		Pending:  1 << 20,
	}), new(outlet)
}

// Newcomers get all that they want, though a read for others is under way, and so
// do those who come back.
func TestNewcomersBesideThoseWhoComeBack(t *testing.T) {
	src := &longHistory{entries: 200}
	h := New(src, 2)
	back, backOut := keeper(true, "1-180", Retention{}, "one")
	join(h, back, backOut)
	src.answerOne() // the channel begins, and 20 entries are asked for
	few, fewOut := newcomer(3, "one")
	many, manyOut := newcomer(50, "one")
	far, farOut := keeper(true, "1-100", Retention{}, "one")
	join(h, few, fewOut)
	join(h, many, manyOut)
	join(h, far, farOut)
	src.answer()
	h.Settle()
	for name, test := range map[string]struct {
		out  *outlet
		want int
	}{"back": {backOut, 20}, "few": {fewOut, 3}, "many": {manyOut, 50}, "far": {farOut, 100}} {
		if got := strings.Count(test.out.got.String(), "data: xx"); got != test.want || strings.Contains(test.out.got.String(), "sse.gap") {
			t.Errorf("%s gets %d events, not %d: %.200s", name, got, test.want, test.out.got.String())
		}
	}
}

// Somebody who was on a gateway that is faster waits for this one, though a read
// that was asked for before does not have its entry.
func TestOneFromAFasterGateway(t *testing.T) {
	src := &longHistory{entries: 10}
	h := New(src, 2)
	back, backOut := keeper(true, "1-5", Retention{}, "one")
	join(h, back, backOut)
	src.answerOne()
	src.entries = 11
	ahead, aheadOut := keeper(true, "1-11", Retention{}, "one")
	join(h, ahead, aheadOut)
	src.answer()
	src.follower.Append(src.after(10).Entries)
	src.entries = 12
	src.follower.Append(src.after(11).Entries)
	h.Settle()
	if got := aheadOut.got.String(); strings.Contains(got, "sse.gap") || strings.Count(got, "data: xx") != 1 {
		t.Errorf("got %q", got)
	}
}

// The page opens once its channel is subscribed, however much is to be replayed first.
func TestReadyBeforeTheReplayIsOver(t *testing.T) {
	src := &longHistory{entries: 600}
	h := New(src, 2)
	s, _ := newcomer(600, "one")
	h.Join(s)
	src.answer()
	if h.Settle(); !isReady(s) {
		t.Error("not ready after the first batch")
	}
}

// A page that opened while Redis was away gets its newest events, too.
func TestNewcomerWhoOpenedBeforeTheChannelBegan(t *testing.T) {
	src := &longHistory{entries: 100}
	h := New(src, 2)
	s, out := newcomer(50, "one")
	join(h, s, out)
	h.Open(s)
	src.answer()
	h.Settle()
	if got := out.got.String(); strings.Contains(got, "sse.gap") || strings.Count(got, "data: xx") != 50 {
		t.Errorf("got %q", got)
	}
}
