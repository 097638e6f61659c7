package hub_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/eventstream"
	. "github.com/caddy-sse/caddy-sse/internal/hub"
	"github.com/caddy-sse/caddy-sse/internal/protocol"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// stopping is an outlet that, when it is to, stops its loop until it is let go.
type stopping struct {
	outlet
	isDue          atomic.Bool
	stopped, letGo chan struct{}
}

func (s *stopping) Flush() {
	if s.isDue.Swap(false) {
		close(s.stopped)
		<-s.letGo
	}
	s.outlet.Flush()
}

// counting is an outlet that counts.
type counting struct {
	nowhere
	events atomic.Int64
}

func (c *counting) Send(*eventstream.Frame) { c.events.Add(1) }

// While a loop does nothing, what waits for it is bounded, and within the memory;
// the other loop is not held up. Then those who have missed something are told so, and
// gets what comes after it.
func TestInboxIsBounded(t *testing.T) {
	const limit, events = 1 << 20, 5000
	const inbox = limit / 4 / 2
	payload := strings.Repeat("x", 1000)
	keep := Retention{Events: 100, Bytes: 1 << 20}
	for name, history := range map[string]bool{"live": false, "history": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			src := new(longHistory)
			h := New(src, 2)
			h.LimitMemory(limit)
			h.SpreadGaps(0)
			slow := &stopping{stopped: make(chan struct{}), letGo: make(chan struct{})}
			quick := new(counting)
			enter := func(out Outlet) *Subscriber {
				s, _ := keeper(history, "", keep, "one")
				h.Join(s)
				h.Attach(s, func(*Loop) Outlet { return out })
				return s
			}
			slowOne, quickOne := enter(slow), enter(quick)
			said := 0
			say := func() {
				said++
				if !history {
					h.Message("one", fmt.Sprint(said, " ", payload))
					return
				}
				src.follower.Append([]protocol.Entry{{
					ID: protocol.EntryID{Ms: 1, Seq: uint64(said)}, Fields: []string{"data", fmt.Sprint(said, " ", payload)},
				}})
			}
			if history {
				src.answer()
			} else {
				h.Subscribed("one")
			}
			h.Open(slowOne)
			h.Open(quickOne)
			h.Settle()
			slow.isDue.Store(true)
			say()
			<-slow.stopped
			begun := quick.events.Load()
			for range events {
				say()
				redistest.Await(t, "the other loop", func() bool { return quick.events.Load()-begun >= int64(said-1) || said%20 > 0 })
				if got := h.Stats(); got.Inbox > 2*inbox || got.Inbox+got.Memory > limit {
					t.Fatalf("%d bytes wait, and %d are remembered", got.Inbox, got.Memory)
				}
			}
			if got := h.Stats().Inbox; got < inbox*9/10 {
				t.Errorf("only %d bytes wait, of %d", got, inbox)
			}
			late := new(outlet) // comes into the loop that is stopped
			h.Open(enter(late))
			h.Signal("one", protocol.Signal{Type: "sse.join", Data: "{}"})
			say()
			close(slow.letGo)
			h.Settle()
			say()
			h.Settle()
			if n := h.Stats().Gaps[protocol.Overflow]; n != 2 || h.Stats().Inbox != 0 {
				t.Errorf("%d gaps, and %d bytes wait", n, h.Stats().Inbox)
			}
			before, after, isTold := strings.Cut(slow.got.String(), "event: sse.gap\n")
			n := strings.Count(before, "data: ")
			if !isTold || n < inbox/1500 || !strings.Contains(before, fmt.Sprintf("data: %d x", n)) {
				t.Errorf("%d events came, and then: %.300s", n, after)
			}
			for _, after := range []string{after, late.got.String()} {
				gap, last, _ := strings.Cut(after, "\n\n")
				if history {
					if !strings.Contains(after, `"reason":"overflow","from":"1-`+fmt.Sprint(n)+`","to":"1-`+fmt.Sprint(said-1)+`"`) {
						t.Errorf("the gap is %.300s", gap)
					}
				}
				if strings.Count(after, `"reason":"overflow"`) != 1 || !strings.Contains(last, fmt.Sprintf("data: %d x", said)) {
					t.Errorf("the gap is followed by %.300s", last)
				}
			}
		})
	}
}
