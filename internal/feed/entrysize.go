package feed

import (
	"github.com/caddy-sse/caddy-sse/internal/broker"
	"github.com/caddy-sse/caddy-sse/internal/protocol"
)

// liveBytes is how many bytes one read asks for of each channel that was woken.
const liveBytes = 128 << 10

// measure notes how large the channel's entries are.
func (c *channel) measure(entries []protocol.Entry) {
	if len(entries) == 0 {
		return
	}
	bytes := 0
	for _, e := range entries {
		bytes += broker.SizeOf(e)
	}
	c.entrySize.Store(int64(bytes / len(entries)))
}

// entriesIn is how many entries have so many bytes, one at least; unknown if
// nothing is known of them.
func (c *channel) entriesIn(bytes, unknown int) int {
	each := int(c.entrySize.Load())
	if each == 0 {
		return unknown
	}
	return max(1, bytes/each)
}
