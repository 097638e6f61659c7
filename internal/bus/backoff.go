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

// A backoff is of one time that Redis is away: how often it was tried, and what was
// logged of it last.
type backoff struct {
	attempts int
	logged   string // an [errorCode]
}

// next is how long to wait before the next try: twice as long each time, and
// spread by half, so that gateways do not all come at once.
func (b *backoff) next() time.Duration {
	d := min(firstBackoff<<min(b.attempts, 10), lastBackoff)
	b.attempts++
	return jitter.Spread(d, 0.5)
}

// isNew reports whether the error has another code than the one before, and is so
// worth a line.
func (b *backoff) isNew(err error) bool {
	code := errorCode(err)
	isNew := code != b.logged
	b.logged = code
	return isNew
}

// errorCode is what two errors have in common that differ in ports and addresses.
func errorCode(err error) string {
	var reply redis.Error
	var op *net.OpError
	switch {
	case errors.As(err, &reply):
		code, _, _ := strings.Cut(reply.Error(), " ")
		return code
	case errors.As(err, &op):
		return op.Op + " " + op.Err.Error()
	}
	return err.Error()
}

// describe is the meaning of an error, as a sentence for operators.
func describe(err error) string { return CauseOf(err).String() }
