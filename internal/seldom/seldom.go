// Package seldom keeps what may happen often from flooding the log.
package seldom

import (
	"sync"
	"time"
)

// A Line is said at once, and then at most once a minute. The zero value has not
// been said.
type Line struct {
	mu     sync.Mutex
	said   time.Time
	unsaid int
}

// Say calls log, unless the line was said within the last minute, with how often
// it has not been since.
func (l *Line) Say(log func(unsaid int)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.said.IsZero() && time.Since(l.said) < time.Minute {
		l.unsaid++
		return
	}
	log(l.unsaid)
	l.said, l.unsaid = time.Now(), 0
}
