package faults

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// A writer says something to both channels each tick, and notes what Redis has
// taken: what it has not answered may have been said or not.
type writer struct {
	client *redis.Client
	mu     sync.Mutex
	n      int
	live   map[int]time.Time // when it began to say it
	stored map[int]time.Time
}

// silent keeps go-redis from printing each of many failures.
type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

func init() { redis.SetLogger(silent{}) }

// patience is how long the writer waits for an answer: not so long that it would
// be late itself when Redis is back.
const patience = 100 * time.Millisecond

// padding makes an event as large as a short message.
var padding = strings.Repeat("x", 180)

func startWriter(t *testing.T, server *redistest.Server) *writer {
	w := &writer{live: make(map[int]time.Time), stored: make(map[int]time.Time), client: server.Client(func(o *redis.Options) {
		o.MaxRetries, o.DialerRetries = -1, 1
		o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = patience, patience, patience, patience
		o.ContextTimeoutEnabled = true
	})}
	every(t, w.say)
	return w
}

func (w *writer) say() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	w.mu.Lock()
	w.n++
	n := w.n
	w.mu.Unlock()
	began := time.Now()
	data := fmt.Sprint(n, " ", padding)
	pipe := w.client.Pipeline()
	live := pipe.Publish(ctx, "live", data)
	stored := pipe.XAdd(ctx, &redis.XAddArgs{Stream: "history", Values: []any{"data", data}})
	pipe.Publish(ctx, "history", "")
	_, _ = pipe.Exec(ctx) // each command has its own error
	w.mu.Lock()
	defer w.mu.Unlock()
	if live.Err() == nil {
		w.live[n] = began
	}
	if stored.Err() == nil {
		w.stored[n] = began
	}
}

// bytesPerSecond is about what the events are on the way to the gateway.
const bytesPerSecond = 2 * 300 * int(time.Second/tick)

// slowDown gives the way to the gateway a quarter of what is said.
func (s *scene) slowDown() { s.namespace.Limit(fmt.Sprint(bytesPerSecond/4*8, "bit")) }
