package feed

import (
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-sse/caddy-sse/internal/ratelog"
)

// unmatchedTotal counts what was published to channels with history, and is in none.
type unmatchedTotal struct {
	count atomic.Uint64
	line  ratelog.Limiter
}

// unmatched is what was published to a channel without an entry having been found for
// it: an app may say XADD and PUBLISH in either order.
type unmatched struct {
	published int
	surplus   int // entries that nothing was published for, yet
	timer     *time.Timer
	isLogged  bool
}

const (
	// maxSurplus bounds how many entries count for what is published later.
	maxSurplus = 1000
	// recheckAfter is after how long an entry is looked for once more before what
	// was published without one is counted.
	recheckAfter = 2 * time.Second
	// recheckSoon is after how long it is looked for first: an app that publishes
	// before it adds does so at once.
	recheckSoon = 50 * time.Millisecond
)

// countPublished counts something published that the script has not said.
func (c *channel) countPublished() {
	if c.unmatched.surplus > 0 {
		c.unmatched.surplus--
		return
	}
	c.unmatched.published++
	if c.unmatched.timer == nil {
		c.unmatched.timer = time.AfterFunc(recheckSoon, c.recheck)
	}
}

// matchEntries counts entries that were read.
func (c *channel) matchEntries(n int) {
	matched := min(n, c.unmatched.published)
	c.unmatched.published -= matched
	c.unmatched.surplus = min(c.unmatched.surplus+n-matched, maxSurplus)
}

func (c *channel) recheck() {
	c.wake()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unmatched.timer = time.AfterFunc(recheckAfter, c.countUnmatched)
}

// countUnmatched counts what is still without an entry. It is logged once a channel.
func (c *channel) countUnmatched() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unmatched.timer = nil
	n := c.unmatched.published
	c.unmatched.published = 0
	if n == 0 {
		return
	}
	c.scheduleRead()
	f := c.feed
	f.unmatched.count.Add(uint64(n))
	if c.unmatched.isLogged {
		return
	}
	c.unmatched.isLogged = true
	f.unmatched.line.Do(func(suppressed int) {
		f.log().Warn("something was published to a channel with history, but is not in it: it reaches nobody; "+
			"XADD it to the Redis stream of the channel's name, or use sse_publish with store",
			zap.String("channel", c.name), zap.Int("other_channels_meanwhile", suppressed))
	})
}

// Unmatched is how much was published to channels with history, and is in none.
func (f *Feed) Unmatched() uint64 { return f.unmatched.count.Load() }
