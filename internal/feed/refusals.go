package feed

import (
	"errors"
	"fmt"
	"sync"

	"go.uber.org/zap"

	"github.com/caddy-sse/caddy-sse/internal/broker"
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
func (f *Feed) refused(c *channel, err error, present bool) {
	r := &f.refusals
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
		f.log().Error("redis refuses to read a channel's history; its subscribers are told of a gap: "+explain(err),
			zap.String("channel", c.name), zap.Int("others_meanwhile", suppressed), zap.Error(err))
	})
}

// readable takes refused back.
func (f *Feed) readable(c *channel) {
	if f.refusals.remove(c.name) {
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
func (f *Feed) Refused() string {
	r := &f.refusals
	r.mu.Lock()
	defer r.mu.Unlock()
	why, channels := "", 0
	for _, err := range r.all {
		if isOfServer(err) {
			why = broker.CauseOf(err).String()
			channels++
		}
	}
	if channels == 0 {
		return ""
	}
	return fmt.Sprintf("histories that cannot be read: %d; %s", channels, why)
}

// isOfServer reports whether an error has nothing to do with the channel.
func isOfServer(err error) bool {
	var typed *broker.Error
	return !errors.As(err, &typed) || !typed.OfChannel
}

// explain is the meaning of an error, as a sentence for operators.
func explain(err error) string {
	cause := broker.CauseOf(err)
	var typed *broker.Error
	switch {
	case cause == broker.CauseWrongType:
		return "the key is no Redis stream"
	case cause == broker.CauseDenied && errors.As(err, &typed):
		return fmt.Sprint(cause, "; ", typed.Needs)
	}
	return cause.String()
}
