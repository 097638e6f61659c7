package hub_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/eventstream"
	. "github.com/caddy-sse/caddy-sse/internal/hub"
	"github.com/caddy-sse/caddy-sse/internal/protocol"
)

// source notes what the hub asks for.
type source struct {
	mu    sync.Mutex
	asked []string
}

func (s *source) Listen(channel string) { s.note("+" + channel) }

func (s *source) Forget(channel string) { s.note("-" + channel) }

func (s *source) Follow(channel string, _ Follower) { s.note("+" + channel) }

func (s *source) Unfollow(channel string)                                  { s.note("-" + channel) }
func (s *source) Since(string, protocol.EntryID, int, int, func(Backfill)) { panic("not here") }
func (s *source) Newest(string, int, int, func(Backfill))                  { panic("not here") }

func (s *source) note(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, what)
}

func (s *source) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.asked, " ")
}

// outlet keeps what it is sent.
type outlet struct {
	got     text
	flushed int
	closed  atomic.Bool
}

// text is written in a loop, and read elsewhere.
type text struct {
	mu sync.Mutex
	b  strings.Builder
}

func (t *text) Write(b []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b.Write(b)
}

func (t *text) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.String()
}

func (t *text) Len() int { return len(t.String()) }

func (o *outlet) Send(f *eventstream.Frame) { o.got.Write(f.Bytes()) }
func (o *outlet) Flush()                    { o.flushed = o.got.Len() }
func (o *outlet) Close(error)               { o.closed.Store(true) }
func (o *outlet) WhenWritten(f func())      { f() }
func (o *outlet) Waiting() int              { return o.got.Len() - o.flushed }

func subscriber(view protocol.View, channels ...string) (*Subscriber, *outlet) {
	out := new(outlet)
	var requests []ChannelRequest
	for _, c := range channels {
		requests = append(requests, ChannelRequest{Channel: c, View: view})
	}
	return NewSubscriber(Request{
		Channels: requests,
		Preamble: eventstream.NewFrame(0, func(b []byte) []byte { return b }),
		Pending:  1 << 20,
		Retry:    time.Second,
	}), out
}

// join joins, and attaches the outlet.
func join(h *Hub, s *Subscriber, out *outlet) {
	h.Join(s)
	h.Attach(s, func(*Loop) Outlet { return out })
	h.Settle()
}

func isReady(s *Subscriber) bool {
	select {
	case <-s.Ready():
		return true
	default:
		return false
	}
}

func TestSourceIsAskedOncePerChannel(t *testing.T) {
	src := new(source)
	h := New(src, 2)
	a, _ := subscriber(protocol.View{}, "one", "two")
	b, _ := subscriber(protocol.View{}, "two")
	h.Join(a)
	h.Join(b)
	h.Leave(a)
	h.Leave(a)
	h.Leave(b)
	if got := src.String(); got != "+one +two -one -two" {
		t.Errorf("the source was asked %s", got)
	}
	if got := h.Stats(); got.Subscribers+got.Live+got.Histories+got.Memory != 0 {
		t.Errorf("something is left: %+v", got)
	}
}

func TestMessageReachesItsChannelInEachView(t *testing.T) {
	h := New(new(source), 2)
	text, textOut := subscriber(protocol.View{Type: "note"}, "one")
	json, jsonOut := subscriber(protocol.View{Format: protocol.JSON}, "one", "two")
	join(h, text, textOut)
	join(h, json, jsonOut)
	h.Subscribed("one")
	h.Subscribed("two")
	h.Message("one", `{"event":"like","data":"hi"}`)
	h.Message("two", `no envelope`)
	h.Message("three", `nobody`)
	h.Settle()
	if got, want := textOut.got.String(), "event: note\ndata: {\"event\":\"like\",\"data\":\"hi\"}\n\n"; got != want {
		t.Errorf("text got %q", got)
	}
	if got, want := jsonOut.got.String(), "event: like\ndata: hi\n\ndata: no envelope\n\n"; got != want {
		t.Errorf("json got %q", got)
	}
	if jsonOut.flushed != jsonOut.got.Len() {
		t.Error("not everything was flushed")
	}
	if got := h.Stats(); got.Malformed != 1 || got.Sent != 3 {
		t.Errorf("%d malformed envelopes and %d events are counted, not 1 and 3", got.Malformed, got.Sent)
	}
	if n := h.Waiting(); n != 0 {
		t.Errorf("%d bytes wait", n)
	}
}

func TestReadyWhenAllChannelsAreHeard(t *testing.T) {
	h := New(new(source), 2)
	first, _ := subscriber(protocol.View{}, "one", "two")
	h.Join(first)
	h.Subscribed("one")
	h.Settle()
	if isReady(first) {
		t.Error("ready with one channel of two")
	}
	h.Subscribed("two")
	h.Settle()
	if !isReady(first) {
		t.Error("not ready with both")
	}
	second, _ := subscriber(protocol.View{}, "two")
	h.Join(second)
	if h.Settle(); !isReady(second) {
		t.Error("not ready though the channel is heard")
	}
	h.Disconnected()
	third, _ := subscriber(protocol.View{}, "two")
	h.Join(third)
	if h.Settle(); isReady(third) {
		t.Error("ready while nothing is heard")
	}
}

func TestGapIsToldToThoseWhoWereOpen(t *testing.T) {
	h := New(new(source), 2)
	h.SpreadGaps(0)
	early, earlyOut := subscriber(protocol.View{}, "one")
	join(h, early, earlyOut)
	h.Subscribed("one")
	h.Open(early)
	h.Disconnected()
	late, lateOut := subscriber(protocol.View{}, "one")
	join(h, late, lateOut)
	h.Subscribed("one")
	h.Open(late)
	h.Settle()
	if !strings.Contains(earlyOut.got.String(), "event: sse.gap\n") {
		t.Errorf("who was open got %q", earlyOut.got.String())
	}
	if lateOut.got.Len() != 0 {
		t.Errorf("who was not yet open got %q", lateOut.got.String())
	}
}

// What comes before a subscriber is attached waits for it, up to its limit.
func TestWaitingForTheOutlet(t *testing.T) {
	h := New(new(source), 2)
	s, out := subscriber(protocol.View{}, "one")
	h.Join(s)
	h.Subscribed("one")
	h.Message("one", "early")
	join2 := func(payload string) (*Subscriber, *outlet) {
		s, out := subscriber(protocol.View{}, "two")
		h.Join(s)
		h.Subscribed("two")
		h.Message("two", "first")
		h.Message("two", payload)
		h.Attach(s, func(*Loop) Outlet { return out })
		h.Settle()
		return s, out
	}
	h.Attach(s, func(*Loop) Outlet { return out })
	h.Settle()
	if got := out.got.String(); got != "data: early\n\n" || out.flushed != out.got.Len() {
		t.Errorf("got %q, %d bytes of it flushed", got, out.flushed)
	}
	if _, out := join2(strings.Repeat("x", 1<<20)); !out.closed.Load() {
		t.Error("more than the limit waits")
	}
}

func TestCloseEndsAllAndThoseWhoComeLater(t *testing.T) {
	h := New(new(source), 2)
	a, aOut := subscriber(protocol.View{}, "one")
	join(h, a, aOut)
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.Close(t.Context(), 0)
	}()
	for !aOut.closed.Load() {
		h.Settle()
	}
	b, bOut := subscriber(protocol.View{}, "one")
	join(h, b, bOut)
	if !bOut.closed.Load() {
		t.Error("who came later is not closed")
	}
	if got := aOut.got.String(); !strings.HasPrefix(got, "retry: ") {
		t.Errorf("it ends with %q", got)
	}
	h.Leave(a)
	h.Leave(b)
	<-done
}

func TestConcurrentUse(t *testing.T) {
	src := new(source)
	h := New(src, 2)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for n := range 200 {
				name := fmt.Sprint("channel", (i+n)%5)
				s, _ := subscriber(protocol.View{}, name)
				h.Join(s)
				h.Subscribed(name)
				h.Open(s)
				h.Attach(s, func(*Loop) Outlet { return new(outlet) })
				h.Message(name, "hi")
				h.Leave(s)
			}
		})
	}
	all.Wait()
	h.Settle()
	if got := h.Stats(); got.Subscribers+got.Live+got.Histories+got.Memory != 0 {
		t.Errorf("something is left: %+v", got)
	}
	if got := src.String(); strings.Count(got, "+") != strings.Count(got, "-") {
		t.Error("the source is left listening")
	}
}

// Where it takes a while until nobody takes connections that are not served, the
// last who are sent away are told to stay away for that long, and the others longer.
func TestSentAwayForLonger(t *testing.T) {
	h := New(new(source), 2)
	for i := range 20 {
		s := NewSubscriber(Request{
			Channels: []ChannelRequest{{Channel: "one"}}, Pending: 1 << 20, Retry: time.Millisecond, AwayFor: time.Hour,
			Preamble: eventstream.NewFrame(0, func(b []byte) []byte { return b }),
		})
		out := new(outlet)
		join(h, s, out)
		began, drain := time.Now(), 200*time.Millisecond
		if i == 0 {
			go h.Close(t.Context(), drain)
		}
		for !out.closed.Load() {
			time.Sleep(time.Millisecond)
		}
		after := time.Since(began)
		var retry int64
		if _, err := fmt.Sscanf(out.got.String(), "retry: %d\n\n", &retry); err != nil {
			t.Fatal(err)
		}
		if away := time.Duration(retry) * time.Millisecond; i == 0 && after+away < time.Hour+drain-5*time.Millisecond || away < time.Hour || away > time.Hour+drain+5*time.Millisecond {
			t.Errorf("closed after %s, it stays away for %s", after, away)
		}
		h.Leave(s)
	}
}
