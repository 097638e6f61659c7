package hub_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	. "github.com/caddy-sse/caddy-sse/internal/hub"
)

// logged is how many events a channel remembers in these benchmarks: as many as by
// default.
const logged = 100

var benchRetention = Retention{Events: logged, Bytes: 1 << 20, Linger: time.Hour}

// benchHub is a hub with one channel, whose first events have gone to a subscriber that
// stays; ids are theirs.
func benchHub(b *testing.B, events int) (h *Hub, ids []string) {
	b.Helper()
	h = New(new(source), runtime.GOMAXPROCS(0))
	s, out := keeper(false, "", benchRetention, "c")
	join(h, s, out)
	h.Subscribed("c")
	for i := range events {
		h.Message("c", payload(i))
	}
	h.Settle()
	h.Attach(s, func(*Loop) Outlet { return nowhere{} })
	return h, idsOf(out)
}

// payload is one of 200 bytes, unlike others.
func payload(i int) string { return fmt.Sprintf("%0200d", i) }

// BenchmarkFanOut is what it costs to hand one event to many subscribers, from when it
// was received until all outlets have it.
func BenchmarkFanOut(b *testing.B) {
	for _, n := range []int{1, 100, 10_000} {
		b.Run(fmt.Sprint("subscribers=", n), func(b *testing.B) {
			b.ReportAllocs()
			h, _ := benchHub(b, 0)
			for range n - 1 {
				s, _ := keeper(false, "", benchRetention, "c")
				h.Join(s)
				h.Attach(s, func(*Loop) Outlet { return nowhere{} })
			}
			h.Settle()
			text := payload(1)
			for b.Loop() {
				h.Message("c", text)
				h.Settle()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/delivery")
		})
	}
}

// comeBack has a subscriber come back with that ID, get what it missed, and leave.
func comeBack(h *Hub, id string) {
	s, _ := keeper(false, id, benchRetention, "c")
	h.Join(s)
	h.Attach(s, func(*Loop) Outlet { return nowhere{} })
	h.Open(s)
	h.Settle()
	h.Leave(s)
}

// BenchmarkReplay is what it costs that a subscriber comes back which has missed some
// events that the channel remembers.
func BenchmarkReplay(b *testing.B) {
	for _, missed := range []int{1, 10, logged - 1} {
		b.Run(fmt.Sprint("missed=", missed), func(b *testing.B) {
			b.ReportAllocs()
			h, ids := benchHub(b, logged)
			sent := h.Stats().Sent
			for b.Loop() {
				comeBack(h, ids[len(ids)-1-missed])
			}
			if got := h.Stats().Sent - sent; got != uint64(b.N*missed) {
				b.Fatalf("%d events were sent in %d replays", got, b.N)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(missed), "ns/event")
		})
	}
}

// BenchmarkResume is what it costs that a subscriber comes back which has missed nothing:
// to find out where it was, by its own position, or, after another gateway, by what it
// got last.
func BenchmarkResume(b *testing.B) {
	h, ids := benchHub(b, logged)
	_, others := benchHub(b, logged)
	for _, from := range []struct{ where, id string }{{"here", ids[len(ids)-1]}, {"elsewhere", others[len(others)-1]}} {
		b.Run("from="+from.where, func(b *testing.B) {
			b.ReportAllocs()
			before := h.Stats()
			for b.Loop() {
				comeBack(h, from.id)
			}
			if after := h.Stats(); after.Sent != before.Sent || after.Gaps["unknown"] != before.Gaps["unknown"] {
				b.Fatalf("a subscriber that had missed nothing got %+v", after)
			}
		})
	}
}
