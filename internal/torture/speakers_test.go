package torture

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// Speakers publish numbers, one speaker a channel, so that they come in order.
type speakers struct {
	stop context.CancelFunc
	all  sync.WaitGroup

	mu   sync.Mutex
	last map[string]int // the number at which each has ended
}

// speak begins to publish so many numbers a second, until finish.
func speak(t *testing.T, p place, channels []string, rate float64) *speakers {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s := &speakers{stop: cancel, last: make(map[string]int)}
	t.Cleanup(func() { s.finish() })
	interval := time.Duration(float64(time.Second) * float64(len(channels)) / rate)
	for _, channel := range channels {
		s.all.Go(func() {
			// Longer than Redis is ever frozen: a number must not come after the next.
			f := follow(p, 10*time.Second)
			defer f.close()
			s.run(ctx, f, channel, interval)
		})
	}
	return s
}

func (s *speakers) run(ctx context.Context, f *follower, channel string, interval time.Duration) {
	for n := 1; ; n++ {
		// A number without an answer may have been heard, and is not said again.
		err := f.do(channel, []string{payload(channel, n)}, func(p redis.Pipeliner, text string) redis.Cmder {
			return f.publish(p, channel, text)
		})[0].Err()
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
