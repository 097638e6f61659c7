package redisbroker

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
	lost     string // what was said of the end of the connection; empty after that
}

// next is how long to wait before the next try: twice as long each time, and
// spread by half, so that gateways do not all come at once.
func (b *backoff) next() time.Duration {
	b.attempts++
	return jitter.Backoff(firstBackoff, lastBackoff, b.attempts-1)
}

// isNew reports whether the error has another code than the one before, and is so
// worth a line. Where a connection has ended, and the next is refused for the same reason,
// that is no news.
func (b *backoff) isNew(err error, isLoss bool) bool {
	code, lost := errorCode(err), b.lost
	isNew := isLoss || code != b.logged && describe(err) != lost
	b.logged, b.lost = code, ""
	if isLoss {
		b.lost = describe(err)
	}
	return isNew
}

// errorCode is what two errors have in common that differ in ports and addresses.
func errorCode(err error) string {
	var reply redis.Error
	var op *net.OpError
	var find *findError
	switch {
	case errors.As(err, &find):
		return find.text
	case errors.As(err, &reply):
		code, _, _ := strings.Cut(reply.Error(), " ")
		return code
	case errors.As(err, &op):
		return op.Op + " " + op.Err.Error()
	}
	return err.Error()
}

// describe is the meaning of an error, as a sentence for operators.
func describe(err error) string {
	var find *findError
	if errors.As(err, &find) {
		return find.text
	}
	return causeOf(err).String()
}
