package bus_test

import (
	"context"
	"fmt"
	"os"
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

// Whatever happens to Redis in these tests, go-redis prints nothing: what is wrong
// stands in the bus' own log. And nobody takes the logger away.
func TestMain(m *testing.M) {
	own := new(recorder)
	redis.SetLogger(own)
	code := m.Run()

	own.mu.Lock()
	defer own.mu.Unlock()
	for _, line := range own.lines {
		fmt.Println("go-redis printed:", line)
		code = max(code, 1)
	}
	os.Exit(code)
}
