package redisbroker

import (
	"context"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/broker"
)

// at does something at the node that owns the key, wherever that is, until it is done
// or the context ends. What may have been done is done again only if that is harmless.
func (c *cluster) at(ctx context.Context, key string, isHarmless bool, do func(context.Context, *node) error) error {
	slot := slotOf(key)
	var next *node
	isAsk := false
	wait := laterAfter
	for tries := 0; ; tries++ {
		n, err := next, errUncovered
		if n == nil {
			n = c.owner(slot)
		}
		if n != nil {
			at := ctx
			if isAsk {
				at = withAsking(ctx)
			}
			err = do(at, n)
		}
		next, isAsk = nil, false
		to, moving, addr := later, slot, ""
		if n != nil {
			to, moving, addr = redirectionOf(err)
		}
		switch to {
		case settled:
			return err
		case moved:
			next = c.moved(moving, addressOf(addr, n.where()))
		case ask:
			next = c.nodeAt(addressOf(addr, n.where()))
			isAsk = next != nil
		case lost:
			c.askAll()
			if !isHarmless {
				return err
			}
		case later:
			c.askAll()
		}
		if next != nil && tries < maxRedirects {
			continue
		}
		next, isAsk = nil, false
		select {
		case <-time.After(wait):
			wait = min(2*wait, laterAtMost)
		case <-ctx.Done():
			return &broker.Error{Cause: broker.CauseUnreachable, OfChannel: true, Err: err}
		}
	}
}

// isNodeAway reports whether the node that owns the key is known to be away.
func (c *cluster) isNodeAway(key string) bool {
	n := c.owner(slotOf(key))
	return n == nil || n.state.Load() == away
}
