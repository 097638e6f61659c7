package redisbroker_test

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"
)

// A recorder takes the place of the logger that all users of go-redis in a
// process share.
type recorder struct {
	mu    sync.Mutex
	lines []string
}

func (r *recorder) Printf(_ context.Context, format string, v ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, fmt.Sprintf(format, v...))
}

// closedInUse is what go-redis (v9.23.0, internal/pool) prints by mistake where a client is
// closed just when a command of it ends, as is done with a server that is left.
var closedInUse = regexp.MustCompile(`^Unexpected conn\[\d+\] state changed by hook to CLOSED, closing it$`)

// testsOwn is what the clients of the tests themselves print, with which they ask servers that
// have ended: the broker's dial once, and not five times.
var testsOwn = regexp.MustCompile(`^redis: connection pool: failed to dial after 5 attempts: `)

// Whatever happens to Redis in these tests, go-redis prints nothing but that: what is wrong
// stands in the broker's own log. And nobody takes the logger away.
func TestMain(m *testing.M) {
	own := new(recorder)
	redis.SetLogger(own)
	code := m.Run()

	own.mu.Lock()
	defer own.mu.Unlock()
	for _, line := range own.lines {
		if closedInUse.MatchString(line) || testsOwn.MatchString(line) {
			continue
		}
		fmt.Println("go-redis printed:", line)
		code = max(code, 1)
	}
	os.Exit(code)
}
