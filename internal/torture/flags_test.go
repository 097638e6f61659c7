package torture

import (
	"flag"
	"math/rand/v2"
	"testing"
)

var (
	deliveries = flag.Int64("deliveries", 100_000, "how many `events` to deliver at least, and a fifth as many without a history")
	overHTTP2  = flag.Int64("http2", briefly, "how many `events` to deliver over HTTP/2; more: while everything breaks")
	rate       = flag.Float64("rate", 8000, "how many `events` to deliver a second")
	soakFor    = flag.Duration("soak", 0, "for how `long` to soak; 0: not at all")
	seedFlag   = flag.Uint64("seed", 0, "the `number` that a run has logged; 0 for another one")
)

// briefly is how much of it the suite does over HTTP/2.
const briefly = 10_000

// dice make generators, which are the same again for the same seed.
func dice(t *testing.T) func() *rand.Rand {
	t.Helper()
	seed := *seedFlag
	for seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-seed %d", seed)
	n := uint64(0)
	return func() *rand.Rand {
		n++
		return rand.New(rand.NewPCG(seed, n))
	}
}
