package hub_test

import (
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/caddy-sse/caddy-sse/internal/hub"
	"github.com/caddy-sse/caddy-sse/internal/protocol"
)

// Events wait for the hub's lock, so that a list of many channels has to let go of
// it on the way.
func TestListOfChannelsLetsEventsThrough(t *testing.T) {
	t.Parallel()
	const channels = 5000
	h := New(new(source), 1)
	for i := range channels {
		s, _ := subscriber(protocol.View{}, strconv.Itoa(i))
		h.Join(s)
	}
	var looked atomic.Int64
	through := make(chan int64, 1)
	listed := h.Channels(func(string) bool {
		if looked.Add(1) == 1 {
			go func() {
				h.Message("none", "")
				through <- looked.Load()
			}()
		}
		time.Sleep(time.Microsecond) // a waiter is let in once it has waited for a millisecond
		return true
	})
	if len(listed) != channels {
		t.Errorf("%d channels are listed, not %d", len(listed), channels)
	}
	if n := <-through; n >= channels {
		t.Errorf("a message had to wait for all %d channels", n)
	}
}

// What is done with each subscriber is not done in the loops, which the others'
// events wait for.
func TestEachHoldsNoLoop(t *testing.T) {
	t.Parallel()
	h := New(new(source), 2)
	for range 4 {
		s, _ := subscriber(protocol.View{}, "a")
		h.Join(s)
	}
	n := 0
	h.Each(func(*Subscriber, int) {
		n++
		h.Settle() // it would wait for itself in a loop
	})
	if n != 4 {
		t.Errorf("%d subscribers, not 4", n)
	}
}
