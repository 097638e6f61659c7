package gateway

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"
)

// censusEvery is how often the log says who has come and gone: a line for each
// would be a flood.
const censusEvery = time.Minute

// A census counts who comes and goes.
type census struct {
	mu   sync.Mutex
	came int
	gone map[CloseReason]int
}

func (c *census) comes() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.came++
}

func (c *census) goes(reason CloseReason) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone == nil {
		c.gone = make(map[CloseReason]int)
	}
	c.gone[reason]++
}

// take is what is to be said, and begins anew; nothing if nobody came or went.
func (c *census) take() []zap.Field {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.came == 0 && len(c.gone) == 0 {
		return nil
	}
	fields := []zap.Field{zap.Int("came", c.came)}
	for _, reason := range slices.Sorted(maps.Keys(c.gone)) {
		fields = append(fields, zap.Int("gone_"+string(reason), c.gone[reason]))
	}
	c.came, c.gone = 0, nil
	return fields
}

// logCensus says each minute who has come and gone.
func (g *Gateway) logCensus(ctx context.Context) {
	tick := time.NewTicker(censusEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		if fields := g.census.take(); fields != nil {
			g.Log().Info("subscribers", append(fields, zap.Int("now", g.Stats().Subscribers))...)
		}
	}
}
