package redisbroker

import (
	"context"
	"time"
)

// maintain does what is due besides the probes, from when the connection is there
// until it ends. Each answer may take [answerTimeout], for which no probe is to
// wait: a Redis that does not answer would be noticed so much later.
func (r *reader) maintain(ctx context.Context) error {
	select {
	case <-r.connected:
	case <-ctx.Done():
		return ctx.Err()
	}
	r.node.learnIdleLimit(ctx)
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	for {
		if r.node.isRefused() {
			r.node.tryConnect(ctx)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
