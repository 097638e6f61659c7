package gateway

import (
	"sync"
	"testing"
	"time"
)

func TestHistogram(t *testing.T) {
	var h histogram
	for _, d := range []time.Duration{0, Bounds[0], Bounds[0] + 1, time.Second, 10 * time.Second, time.Hour} {
		h.observe(d)
	}
	got := h.read()
	want := Histogram{Sum: 2*Bounds[0] + 1 + 11*time.Second + time.Hour}
	for bucket, n := range map[int]uint64{0: 2, 1: 1, 12: 1, len(Bounds) - 1: 1, len(Bounds): 1} {
		want.Buckets[bucket] = n
	}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestCounts(t *testing.T) {
	var c counts[string]
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 100 {
				c.add("a", 1)
				c.add("b", -1)
			}
		})
	}
	group.Wait()
	c.add("c", 0)
	got := c.read()
	if n, ok := got["c"]; got["a"] != 400 || got["b"] != -400 || n != 0 || !ok {
		t.Errorf("%v", got)
	}
}
