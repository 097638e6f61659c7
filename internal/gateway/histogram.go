package gateway

import (
	"slices"
	"sync/atomic"
	"time"
)

// Bounds are the longest times of a histogram's buckets; one bucket more has the rest.
var Bounds = [...]time.Duration{
	100 * time.Microsecond, 250 * time.Microsecond, 500 * time.Microsecond,
	time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond,
	10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second,
}

// A Histogram is how many times there were in each bucket, and their sum.
type Histogram struct {
	Buckets [len(Bounds) + 1]uint64
	Sum     time.Duration
}

// A histogram counts times. The zero value has none. It is safe for concurrent use.
type histogram struct {
	buckets [len(Bounds) + 1]atomic.Uint64
	sum     atomic.Int64
}

func (h *histogram) observe(d time.Duration) {
	i, _ := slices.BinarySearch(Bounds[:], d) // a bound belongs to its bucket
	h.buckets[i].Add(1)
	h.sum.Add(int64(d))
}

func (h *histogram) read() (all Histogram) {
	for i := range h.buckets {
		all.Buckets[i] = h.buckets[i].Load()
	}
	all.Sum = time.Duration(h.sum.Load())
	return all
}
