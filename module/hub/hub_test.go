package hub_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/caddy-sse/caddy-sse/module/eventstream"
	. "github.com/caddy-sse/caddy-sse/module/hub"
)

// source notes what the hub asks for.
type source struct {
	mu    sync.Mutex
	asked []string
}

func (s *source) Listen(channel string) { s.note("+" + channel) }
func (s *source) Forget(channel string) { s.note("-" + channel) }

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
	got    strings.Builder
	closed error
}

func (o *outlet) Send(f *eventstream.Frame) { o.got.Write(f.Bytes()) }
func (o *outlet) Close(reason error)        { o.closed = reason }

func subscriber(view eventstream.View, channels ...string) (*Subscriber, *outlet) {
	out := new(outlet)
	var interests []Interest
	for _, c := range channels {
		interests = append(interests, Interest{Channel: c, View: view})
	}
	return NewSubscriber(interests, out), out
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
	h := New(src)
	a, _ := subscriber(eventstream.View{}, "one", "two")
	b, _ := subscriber(eventstream.View{}, "two")
	h.Join(a)
	h.Join(b)
	h.Leave(a)
	h.Leave(a)
	h.Leave(b)
	if got := src.String(); got != "+one +two -one -two" {
		t.Errorf("the source was asked %s", got)
	}
	if got := h.Stats(); got != (Stats{}) {
		t.Errorf("something is left: %+v", got)
	}
}

func TestMessageReachesItsChannelInEachView(t *testing.T) {
	h := New(new(source))
	text, textOut := subscriber(eventstream.View{Type: "note"}, "one")
	json, jsonOut := subscriber(eventstream.View{Format: eventstream.JSON}, "one", "two")
	h.Join(text)
	h.Join(json)
	h.Message("one", `{"event":"like","data":"hi"}`)
	h.Message("two", `no envelope`)
	h.Message("three", `nobody`)
	if got, want := textOut.got.String(), "event: note\ndata: {\"event\":\"like\",\"data\":\"hi\"}\n\n"; got != want {
		t.Errorf("text got %q", got)
	}
	if got, want := jsonOut.got.String(), "event: like\ndata: hi\n\ndata: no envelope\n\n"; got != want {
		t.Errorf("json got %q", got)
	}
	if got := h.Stats().Malformed; got != 1 {
		t.Errorf("%d malformed envelopes are counted, not 1", got)
	}
}

func TestReadyWhenAllChannelsAreHeard(t *testing.T) {
	h := New(new(source))
	first, _ := subscriber(eventstream.View{}, "one", "two")
	h.Join(first)
	h.Listening("one")
	if isReady(first) {
		t.Error("ready with one channel of two")
	}
	h.Listening("two")
	if !isReady(first) {
		t.Error("not ready with both")
	}
	second, _ := subscriber(eventstream.View{}, "two")
	if h.Join(second); !isReady(second) {
		t.Error("not ready though the channel is heard")
	}
	h.Deaf()
	third, _ := subscriber(eventstream.View{}, "two")
	if h.Join(third); isReady(third) {
		t.Error("ready while nothing is heard")
	}
}

func TestGapIsToldToThoseWhoWereOpen(t *testing.T) {
	h := New(new(source))
	early, earlyOut := subscriber(eventstream.View{}, "one")
	h.Join(early)
	h.Listening("one")
	h.Open(early)
	h.Deaf()
	late, lateOut := subscriber(eventstream.View{}, "one")
	h.Join(late)
	h.Listening("one")
	h.Open(late)
	if !strings.Contains(earlyOut.got.String(), "event: sse.gap\n") {
		t.Errorf("who was open got %q", earlyOut.got.String())
	}
	if lateOut.got.Len() != 0 {
		t.Errorf("who was not yet open got %q", lateOut.got.String())
	}
}

func TestCloseEndsAllAndThoseWhoComeLater(t *testing.T) {
	h := New(new(source))
	a, aOut := subscriber(eventstream.View{}, "one")
	h.Join(a)
	h.Close()
	b, bOut := subscriber(eventstream.View{}, "one")
	h.Join(b)
	if aOut.closed == nil || bOut.closed == nil {
		t.Errorf("closed: %v, %v", aOut.closed, bOut.closed)
	}
	h.Leave(a)
	h.Leave(b)
}

func TestConcurrentUse(t *testing.T) {
	src := new(source)
	h := New(src)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for n := range 200 {
				name := fmt.Sprint("channel", (i+n)%5)
				s, _ := subscriber(eventstream.View{}, name)
				h.Join(s)
				h.Listening(name)
				h.Open(s)
				h.Message(name, "hi")
				h.Leave(s)
			}
		})
	}
	all.Wait()
	if got := h.Stats(); got != (Stats{}) {
		t.Errorf("something is left: %+v", got)
	}
	if got := src.String(); strings.Count(got, "+") != strings.Count(got, "-") {
		t.Error("the source is left listening")
	}
}
