package hub_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/eventstream"
	. "github.com/caddy-sse/caddy-sse/internal/hub"
	"github.com/caddy-sse/caddy-sse/internal/protocol"
)

// several is a subscriber of several channels, whose payloads are envelopes.
func several(history bool, lastEventID string, channels ...string) (*Subscriber, *outlet) {
	r := Request{
		History: history, Max: 1000, LastEventID: lastEventID,
		Retention: Retention{Events: 100, Bytes: 1 << 20, Linger: time.Hour},
		Preamble:  eventstream.NewFrame(0, func(b []byte) []byte { return b }),
		Pending:   1 << 20, Retry: time.Second,
	}
	for _, c := range channels {
		r.Channels = append(r.Channels, ChannelRequest{Channel: c, View: protocol.View{Format: protocol.JSON}})
	}
	return NewSubscriber(r), new(outlet)
}

// followers is a source of histories that begin empty.
type followers struct {
	longHistory
	mu  sync.Mutex
	all map[string]Follower
}

func (f *followers) Follow(channel string, to Follower) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.all == nil {
		f.all = make(map[string]Follower)
	}
	f.all[channel] = to
	f.add(func() { to.Begin(protocol.EntryID{Ms: 1}) })
}

// say has an event come to the channel, live with an ID of the app's own.
func (f *followers) say(h *Hub, history bool, channel string, n int) {
	if !history {
		h.Message(channel, fmt.Sprintf(`{"id":"own-%d","data":"event %d"}`, n, n))
		return
	}
	f.all[channel].Append([]protocol.Entry{{ID: protocol.EntryID{Ms: 10, Seq: uint64(n)}, Fields: []string{"data", fmt.Sprintf(`"event %d"`, n)}}})
}

// lose has all channels have a gap.
func (f *followers) lose(h *Hub, history bool, channels []string) {
	if !history {
		h.Disconnected()
	}
	for i, c := range channels {
		if history {
			f.all[c].Gap(protocol.Reset, protocol.EntryID{Ms: 5, Seq: uint64(i)})
		} else {
			h.Subscribed(c)
		}
	}
}

// A subscriber is told of the gaps of all its channels in one event, later. Until
// then nothing that it gets has an ID, so that it is told, too, if it comes back
// meanwhile; the event has the ID of where it is.
func TestGapsArePending(t *testing.T) {
	for name, test := range map[string]struct {
		history  bool
		channels []string
		hit      []string // of them, by the fault
	}{
		"live":                 {false, []string{"a"}, []string{"a"}},
		"live, several":        {false, []string{"a", "b", "c"}, []string{"a", "b", "c"}},
		"live, some":           {false, []string{"a", "b", "c"}, []string{"b", "c"}},
		"history":              {true, []string{"a"}, []string{"a"}},
		"histories":            {true, []string{"a", "b", "c"}, []string{"a", "b", "c"}},
		"histories, only some": {true, []string{"a", "b", "c"}, []string{"c", "b"}},
	} {
		for _, spread := range []time.Duration{100 * time.Millisecond, time.Hour} {
			t.Run(fmt.Sprint(name, " over ", spread), func(t *testing.T) {
				t.Parallel()
				src := new(followers)
				h := New(src, 2)
				h.SpreadGaps(spread)
				s, out := several(test.history, "", test.channels...)
				join(h, s, out)
				if test.history {
					src.answerAll(h)
				} else {
					for _, c := range test.channels {
						h.Subscribed(c)
					}
				}
				h.Open(s)
				for i, c := range test.channels {
					src.say(h, test.history, c, i)
				}
				h.Settle()
				last := idsOf(out)
				before := out.got.Len()
				src.lose(h, test.history, test.hit)
				for i, c := range test.channels {
					src.say(h, test.history, c, 10+i)
				}
				h.Settle()
				got := out.got.String()[before:]
				if strings.Contains(got, "id: ") || strings.Count(got, "data: ") != len(test.channels) {
					t.Fatalf("before the gap came %q", got)
				}

				back, backOut := several(test.history, last[len(last)-1], test.channels...)
				join(h, back, backOut)
				h.Open(back)
				src.answerAll(h)
				for _, c := range test.hit {
					if got := backOut.got.String(); !strings.Contains(got, "sse.gap") || !strings.Contains(got, `"`+c+`"`) {
						t.Errorf("who comes back with %s is told of no gap of %s: %q", last[len(last)-1], c, got)
					}
				}
				if spread > time.Second {
					return
				}

				awaitGap(h, told(h))
				got = out.got.String()[before:]
				want := `"channels":` + strings.ReplaceAll(fmt.Sprintf("%q", test.hit), " ", ",") + "}\n\n"
				if strings.Count(got, "event: sse.gap\n") != 1 || !strings.HasSuffix(got, want) {
					t.Fatalf("it came %q, not one gap that ends with %s", got, want)
				}
				last = idsOf(out)
				again, againOut := several(test.history, last[len(last)-1], test.channels...)
				join(h, again, againOut)
				h.Open(again)
				src.answerAll(h)
				if got := againOut.got.String(); strings.Contains(got, "data: ") {
					t.Errorf("coming back with the gap's ID %s: %q", last[len(last)-1], got)
				}
				src.say(h, test.history, test.channels[0], 100)
				h.Settle()
				if now := idsOf(out); len(now) != len(last)+1 {
					t.Errorf("the next event has no ID: %q", out.got.String()[before:])
				}
			})
		}
	}
}

// told is how many gaps were told of.
func told(h *Hub) (n uint64) {
	for _, told := range h.Stats().Gaps {
		n += told
	}
	return n
}

// awaitGap waits until more gaps were told of than that.
func awaitGap(h *Hub, before uint64) {
	for deadline := time.Now().Add(10 * time.Second); told(h) == before && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	h.Settle()
}

// Where an event cannot go without an ID, the gap goes before it.
func TestPendingGapsGoBeforeAnID(t *testing.T) {
	src := new(followers)
	h := New(src, 1)
	h.SpreadGaps(time.Hour)
	s, out := several(false, "", "a", "b")
	join(h, s, out)
	h.Subscribed("a")
	h.Subscribed("b")
	h.Open(s)
	src.lose(h, false, []string{"a", "b"})
	h.EndPendingGaps()
	h.Message("a", "1")
	h.Message("b", "2")
	h.Settle()
	if got := out.got.String(); strings.Count(got, "sse.gap") != 1 || strings.Index(got, "sse.gap") > strings.Index(got, "data: 1\n") {
		t.Errorf("it came %q", got)
	}
}

// Channels that begin in a fault, while the page is open, are part of the same gap.
func TestChannelsThatBeginInAFault(t *testing.T) {
	src := new(followers)
	h := New(src, 1)
	h.SpreadGaps(100 * time.Millisecond)
	other, otherOut := several(false, "", "a")
	join(h, other, otherOut)
	h.Subscribed("a")
	h.Disconnected()
	s, out := several(false, "", "a", "b", "c")
	join(h, s, out)
	h.Open(s)
	for _, c := range []string{"c", "a", "b"} {
		h.Subscribed(c)
	}
	h.Message("a", "1")
	h.Settle()
	if got := out.got.String(); strings.Contains(got, "id: ") {
		t.Errorf("before the gap came %q", got)
	}
	awaitGap(h, 0)
	got := out.got.String()
	if strings.Count(got, "sse.gap") != 1 || !strings.Contains(got, `"channels":["c","a","b"]`) {
		t.Errorf("it came %q", got)
	}
	last := idsOf(out)
	if len(last) != 1 || !strings.HasPrefix(got[strings.Index(got, "id: "):], "id: "+last[0]+"\nevent: sse.gap\n") {
		t.Fatalf("the gap has no ID: %q", got)
	}
	back, backOut := several(false, last[0], "a", "b", "c")
	join(h, back, backOut)
	h.Open(back)
	h.Settle()
	if got := backOut.got.String(); got != "" {
		t.Errorf("coming back with the gap's ID: %q", got)
	}
}

// No spread is at once, and still one gap for all channels.
func TestGapsAtOnce(t *testing.T) {
	src := new(followers)
	h := New(src, 1)
	h.SpreadGaps(0)
	s, out := several(false, "", "a", "b", "c")
	join(h, s, out)
	all := []string{"a", "b", "c"}
	for _, c := range all {
		h.Subscribed(c)
	}
	h.Open(s)
	src.lose(h, false, all)
	h.Settle()
	awaitGap(h, 0)
	if got := out.got.String(); strings.Count(got, "sse.gap") != 1 || !strings.HasSuffix(got, `"channels":["a","b","c"]}`+"\n\n") {
		t.Errorf("it came %q", got)
	}
}
