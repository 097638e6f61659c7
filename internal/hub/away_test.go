package hub_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/eventstream"
	. "github.com/caddy-sse/caddy-sse/internal/hub"
)

// watcher is a subscriber that is told when the source is away.
func watcher() (*Subscriber, *outlet) {
	return NewSubscriber(Request{
		Channels: []ChannelRequest{{Channel: "c"}},
		Away:     true,
		Preamble: eventstream.NewFrame(0, func(b []byte) []byte { return b }),
		Greeting: &eventstream.Event{Type: "hello", Data: "{}"},
		Pending:  1 << 20,
		Retry:    time.Second,
	}), new(outlet)
}

// typesOf are the types of the events that an outlet got, in order.
func typesOf(out *outlet) string {
	var types []string
	for _, line := range strings.Split(out.got.String(), "\n") {
		if t, ok := strings.CutPrefix(line, "event: "); ok {
			types = append(types, strings.TrimPrefix(t, "sse."))
		}
	}
	return strings.Join(types, " ")
}

func TestAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := New(new(source), 2)
		one, out1 := watcher()
		join(h, one, out1)
		h.Subscribed("c")
		h.Open(one)
		other, silent := keeper(false, "", Retention{}, "c")
		join(h, other, silent)
		h.SetAway(false) // the first connection
		h.Settle()

		h.Disconnected()
		h.SetAway(true)
		h.SetAway(true)
		two, out2 := watcher()
		join(h, two, out2)
		time.Sleep(time.Minute)
		h.SpreadGaps(0)
		h.SetAway(false)
		h.Subscribed("c")
		time.Sleep(time.Second)
		h.Settle()
		if got := typesOf(out1); got != "hello away back gap" {
			t.Errorf("the one was told %s", got)
		}
		if got := typesOf(out2); !strings.HasPrefix(got, "hello away back") {
			t.Errorf("who came later was told %s", got)
		}
		three, out3 := watcher()
		join(h, three, out3)
		h.Settle()
		if got := typesOf(out3); got != "hello" {
			t.Errorf("who came after it was told %s", got)
		}
		if got := typesOf(silent); strings.Contains(got, "away") || strings.Contains(got, "back") {
			t.Errorf("who did not ask was told %s", got)
		}
		text := out1.got.String()
		_, text, _ = strings.Cut(text, "event: sse.away\n")
		if text, _, _ = strings.Cut(text, "event: sse.gap\n"); strings.Count(text, `data: {"since":"`) != 2 {
			t.Errorf("it was told %s", text)
		}
		h.Leave(two)
		h.SetAway(true)
		h.Settle()
		if n := strings.Count(typesOf(out2), "away"); n != 1 {
			t.Errorf("who left was told %d times", n)
		}
	})
}

// A source that comes and goes is told of once a second at most, and what was told
// last is so.
func TestAwayFlaps(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := New(new(source), 1)
		s, out := watcher()
		join(h, s, out)
		for range 1000 { // 100 seconds
			h.SetAway(true)
			time.Sleep(50 * time.Millisecond)
			h.SetAway(false)
			time.Sleep(50 * time.Millisecond)
		}
		h.Settle()
		got := typesOf(out)
		if n := strings.Count(got, "away"); n > 100 || n < 50 || strings.Count(got, "back") != n || strings.Contains(got, "away away") {
			t.Errorf("it was told %s", got)
		}
		h.SetAway(true)
		time.Sleep(2 * time.Second)
		h.Settle()
		if !strings.HasSuffix(typesOf(out), "back away") {
			t.Errorf("at last it was told %s", typesOf(out))
		}
	})
}
