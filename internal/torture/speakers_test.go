package torture

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// Speakers publish numbers, one speaker a channel, so that they come in order.
type speakers struct {
	stop context.CancelFunc
	all  sync.WaitGroup

	mu   sync.Mutex
	last map[string]int // the number at which each has ended
}

// speak begins to publish so many numbers a second, until finish.
func speak(t *testing.T, server *redistest.Server, channels []string, rate float64) *speakers {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s := &speakers{stop: cancel, last: make(map[string]int)}
	t.Cleanup(func() { s.finish() })
	interval := time.Duration(float64(time.Second) * float64(len(channels)) / rate)
	for _, channel := range channels {
		c := server.Client(func(o *redis.Options) {
			// Longer than Redis is ever frozen: a number must not come after the next.
			o.PoolSize, o.MaxRetries, o.ReadTimeout = 1, -1, 10*time.Second
		})
		s.all.Go(func() { s.run(ctx, c, channel, interval) })
	}
	return s
}

func (s *speakers) run(ctx context.Context, c *redis.Client, channel string, interval time.Duration) {
	for n := 1; ; n++ {
		// A number without an answer may have been heard, and is not said again.
		err := c.Publish(context.Background(), channel, payload(channel, n)).Err()
		if err == nil && ctx.Err() != nil {
			s.mu.Lock()
			s.last[channel] = n
			s.mu.Unlock()
			return
		}
		if err != nil {
			pause(context.Background(), 100*time.Millisecond)
		}
		pause(ctx, interval)
	}
}

// finish ends the speaking, and returns the last number of each channel.
func (s *speakers) finish() map[string]int {
	s.stop()
	s.all.Wait()
	return s.last
}
