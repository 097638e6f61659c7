//go:build linux

package subscribers

import (
	"math/bits"
	"time"
)

// mantissa is how many bits of a latency are kept: an error of 1 % at most.
const mantissa = 6

// latencies counts latencies in buckets that grow with them.
type latencies [(64 - mantissa + 2) << (mantissa - 1)]uint64

func (l *latencies) add(nanoseconds int64) {
	v := uint64(max(nanoseconds, 0))
	shift := max(bits.Len64(v)-mantissa, 0)
	l[shift<<(mantissa-1)+int(v>>shift)]++
}

func (l *latencies) merge(other *latencies) {
	for i, n := range other {
		l[i] += n
	}
}

// quantile is the latency that the given share of all stays within.
func (l *latencies) quantile(share float64) time.Duration {
	var all uint64
	for _, n := range l {
		all += n
	}
	var seen uint64
	for i, n := range l {
		if seen += n; n > 0 && float64(seen) >= share*float64(all) {
			return bucketMiddle(i)
		}
	}
	return 0
}

func bucketMiddle(i int) time.Duration {
	const linear = 1 << mantissa
	if i < linear {
		return time.Duration(i)
	}
	shift := i>>(mantissa-1) - 1
	return time.Duration(i-shift<<(mantissa-1))<<shift + 1<<(shift-1)
}
