package feed

import (
	"time"

	"github.com/caddy-sse/caddy-sse/internal/broker"
	"github.com/caddy-sse/caddy-sse/internal/jitter"
)

// A backoff is how long to wait before the next of several tries: at first about
// a tenth of a second, then twice as long each time, up to about 10 seconds,
// spread by half, so that gateways do not all come at once.
type backoff struct{ tries int }

const (
	firstPause = 100 * time.Millisecond
	lastPause  = 10 * time.Second
)

// loadingPause is about how long to wait while Redis loads its data: it is asked
// little, and what it has is read as soon as it is ready.
const loadingPause = 500 * time.Millisecond

// isLoading reports whether Redis only has to load its data yet, which takes it as
// long as it takes, and costs no subscriber anything.
func isLoading(err error) bool { return broker.CauseOf(err) == broker.CauseLoading }

// whileLoading is how long to wait then; the next try is as good as the first.
func (b *backoff) whileLoading() time.Duration {
	b.tries = 0
	return jitter.Spread(loadingPause, 0.5)
}

func (b *backoff) next() time.Duration {
	b.tries++
	return jitter.Backoff(firstPause, lastPause, b.tries-1)
}
