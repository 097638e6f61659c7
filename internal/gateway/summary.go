package gateway

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"
)

// summaryEvery is how often the log says how many subscriptions were opened and
// closed: a line for each would be a flood.
const summaryEvery = time.Minute

// A connectionSummary counts the subscriptions that were opened and closed since the
// last line.
type connectionSummary struct {
	mu       sync.Mutex
	opens    int
	closings map[CloseReason]int
}

func (s *connectionSummary) opened() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opens++
}

func (s *connectionSummary) closed(reason CloseReason) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closings == nil {
		s.closings = make(map[CloseReason]int)
	}
	s.closings[reason]++
}

// drain returns the line's fields, and counts from zero again; it returns none if
// nothing was opened or closed.
func (s *connectionSummary) drain() []zap.Field {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.opens == 0 && len(s.closings) == 0 {
		return nil
	}
	fields := []zap.Field{zap.Int("came", s.opens)}
	for _, reason := range slices.Sorted(maps.Keys(s.closings)) {
		fields = append(fields, zap.Int("gone_"+string(reason), s.closings[reason]))
	}
	s.opens, s.closings = 0, nil
	return fields
}

// logSummary logs each minute how many subscriptions were opened and closed.
func (g *Gateway) logSummary(ctx context.Context) {
	tick := time.NewTicker(summaryEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		if fields := g.summary.drain(); fields != nil {
			g.Log().Info("subscribers", append(fields, zap.Int("now", g.Stats().Subscribers))...)
		}
	}
}
