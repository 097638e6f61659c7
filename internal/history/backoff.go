package history

import (
	"time"

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

func (b *backoff) next() time.Duration {
	d := min(firstPause<<min(b.tries, 10), lastPause)
	b.tries++
	return jitter.Spread(d, 0.5)
}
