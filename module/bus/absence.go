package bus

import (
	"context"
	"errors"
	"net"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-sse/caddy-sse/internal/jitter"
)

const (
	firstBackoff = 50 * time.Millisecond
	lastBackoff  = 2 * time.Second
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

// explain says in plain words what an error means for whoever runs Redis.
func explain(err error) string {
	switch kind(err) {
	case "WRONGPASS", "NOAUTH":
		return "redis refuses the username or password"
	case "NOPERM":
		return "redis denies this user what the gateway needs (ACL)"
	case "MOVED":
		return clustered
	}
	if errors.Is(err, errNoAnswer) || errors.Is(err, context.DeadlineExceeded) {
		return "redis does not answer"
	}
	return "redis is away"
}

// Denied reports whether Redis refused a command because of the user's rights
// (ACL) or credentials: trying again is of no use until they change.
func Denied(err error) bool {
	if err == nil {
		return false
	}
	switch kind(err) {
	case "NOPERM", "NOAUTH", "WRONGPASS":
		return true
	}
	// Within a script it is a plain error: the first as Redis says it before 7.2.
	return strings.Contains(err.Error(), "The user executing the script ") ||
		strings.Contains(err.Error(), "ACL failure in script: ")
}

const clustered = "redis is a node of a cluster, which the gateway cannot use"

// Clustered reports whether Redis sent us to another node of its cluster, which
// the gateway does not follow: trying again is of no use.
func Clustered(err error) bool { return err != nil && kind(err) == "MOVED" }

// Final reports whether it is of no use to try again until somebody changes
// something: the user's rights, the key, or the address.
func Final(err error) bool { return Denied(err) || NotHistory(err) || Clustered(err) }
