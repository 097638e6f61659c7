package bus

import (
	"errors"
	"net"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-sse/caddy-sse/internal/jitter"
)

const (
	firstBackoff = 50 * time.Millisecond
	// lastBackoff bounds how long Redis is back before it is noticed.
	lastBackoff = 500 * time.Millisecond
)

// An absence is one time that Redis is away: how often it was tried, and what has
// been said of it in the log.
type absence struct {
	tries int
	said  string
}

// backoff is how long to wait before the next try: twice as long each time, and
// spread by half, so that gateways do not all come at once.
func (a *absence) backoff() time.Duration {
	d := min(firstBackoff<<min(a.tries, 10), lastBackoff)
	a.tries++
	return jitter.Spread(d, 0.5)
}

// isNew reports whether the error is of another kind than the one before, and
// so worth a line.
func (a *absence) isNew(err error) bool {
	k := kind(err)
	isNew := k != a.said
	a.said = k
	return isNew
}

// kind is what two errors have in common that differ in ports and addresses.
func kind(err error) string {
	var said redis.Error
	var op *net.OpError
	switch {
	case errors.As(err, &said):
		code, _, _ := strings.Cut(said.Error(), " ")
		return code
	case errors.As(err, &op):
		return op.Op + " " + op.Err.Error()
	}
	return err.Error()
}

// explain is the meaning of an error, as a sentence for operators.
func explain(err error) string { return CauseOf(err).String() }
