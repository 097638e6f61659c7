package history

import (
	"fmt"
	"strings"
	"sync"

	"go.uber.org/zap"

	"github.com/caddy-sse/caddy-sse/internal/bus"
	"github.com/caddy-sse/caddy-sse/internal/ratelog"
)

// refusals are the channels whose history Redis refuses to read, and why.
type refusals struct {
	line ratelog.Limiter

	mu  sync.Mutex
	all map[string]error
}

// refused takes down that Redis refuses to read the channel's history, and says so
// once in the log. Those of its subscribers who wait for it are told of a gap, and if
// new entries cannot be read either, all.
func (h *History) refused(c *channel, err error, present bool) {
	r := &h.refusals
	r.mu.Lock()
	_, known := r.all[c.name]
	if r.all == nil {
		r.all = make(map[string]error)
	}
	r.all[c.name] = err
	r.mu.Unlock()
	c.follower.Unreadable(present)
	if known {
		return
	}
	r.line.Do(func(suppressed int) {
		h.log().Error("redis refuses to read a channel's history; its subscribers are told of a gap: "+explain(err),
			zap.String("channel", c.name), zap.Int("others_meanwhile", suppressed), zap.Error(err))
	})
}

// readable takes refused back.
func (h *History) readable(c *channel) {
	if h.refusals.remove(c.name) {
		c.follower.Readable()
	}
}

func (r *refusals) remove(channel string) (was bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, was = r.all[channel]
	delete(r.all, channel)
	return was
}

// Refused says in a sentence that Redis refuses to read histories, of how many
// channels, and why; empty if it does not. What is wrong with one key alone, which
// any client may have named, is left out.
func (h *History) Refused() string {
	r := &h.refusals
	r.mu.Lock()
	defer r.mu.Unlock()
	why, channels := "", 0
	for _, err := range r.all {
		if isOfServer(err) {
			why = bus.CauseOf(err).String()
			channels++
		}
	}
	if channels == 0 {
		return ""
	}
	return fmt.Sprintf("histories that cannot be read: %d; %s", channels, why)
}

// isOfServer reports whether an error has nothing to do with the key.
func isOfServer(err error) bool {
	switch bus.CauseOf(err) {
	case bus.CauseWrongType, bus.CauseRefused:
		return false
	case bus.CauseDenied:
		return !strings.Contains(err.Error(), "key")
	}
	return true
}

// explain is the meaning of an error, as a sentence for operators.
func explain(err error) string {
	cause := bus.CauseOf(err)
	switch cause {
	case bus.CauseWrongType:
		return "the key is no Redis stream"
	case bus.CauseDenied:
		return fmt.Sprint(cause, "; it takes +xrange +xrevrange +xinfo|stream and the key")
	}
	return cause.String()
}
