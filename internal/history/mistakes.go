package history

import (
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-sse/caddy-sse/internal/ratelog"
)

// mistakes counts what was published to channels with history, and is in none.
type mistakes struct {
	count atomic.Uint64
	line  ratelog.Limiter
}

// owed is what was published to a channel without an entry having been found for
// it: an app may say XADD and PUBLISH in either order.
type owed struct {
	published int
	found     int // entries that nothing was published for, yet
	look      *time.Timer
	said      bool
}

const (
	// maxFound bounds how many entries count for what is published later.
	maxFound = 1000
	// lookAgain is after how long an entry is looked for once more before what
	// was published without one counts as a mistake.
	lookAgain = 2 * time.Second
	// lookSoon is after how long it is looked for first: an app that publishes
	// before it adds does so at once.
	lookSoon = 50 * time.Millisecond
)

// rung counts something published that the script has not said.
func (c *channel) rung() {
	if c.owed.found > 0 {
		c.owed.found--
		return
	}
	c.owed.published++
	if c.owed.look == nil {
		c.owed.look = time.AfterFunc(lookSoon, c.lookSoon)
	}
}

// found counts entries that were read.
func (c *channel) found(n int) {
	paid := min(n, c.owed.published)
	c.owed.published -= paid
	c.owed.found = min(c.owed.found+n-paid, maxFound)
}

func (c *channel) lookSoon() {
	c.ring()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.owed.look = time.AfterFunc(lookAgain, c.settle)
}

// settle counts what is still without an entry as a mistake. It is said once a
// channel.
func (c *channel) settle() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.owed.look = nil
	n := c.owed.published
	c.owed.published = 0
	if n == 0 {
		return
	}
	c.want()
	h := c.history
	h.mistakes.count.Add(uint64(n))
	if c.owed.said {
		return
	}
	c.owed.said = true
	h.mistakes.line.Do(func(suppressed int) {
		h.log().Warn("something was published to a channel with history, but is not in it: it reaches nobody; "+
			"XADD it to the Redis stream of the channel's name, or use sse_publish with store",
			zap.String("channel", c.name), zap.Int("other_channels_meanwhile", suppressed))
	})
}

// Mistakes is how much was published to channels with history, and is in none.
func (h *History) Mistakes() uint64 { return h.mistakes.count.Load() }
