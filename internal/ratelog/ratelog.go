// Package ratelog keeps what may happen often from flooding the log.
package ratelog

import (
	"sync"
	"time"
)

// A Limiter lets a line be logged at once, and then at most once a minute. The zero
// value has logged nothing; it is safe for concurrent use.
type Limiter struct {
	mu         sync.Mutex
	logged     time.Time
	suppressed int
}

// Do calls log, unless it did so within the last minute, with how many calls were
// suppressed since.
func (l *Limiter) Do(log func(suppressed int)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.logged.IsZero() && time.Since(l.logged) < time.Minute {
		l.suppressed++
		return
	}
	log(l.suppressed)
	l.logged, l.suppressed = time.Now(), 0
}
