package gateway

import (
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// A minute is one line, however many subscriptions are opened and closed, and a quiet
// one is none.
func TestConnectionSummary(t *testing.T) {
	core, lines := observer.New(zap.InfoLevel)
	var s connectionSummary
	for range 1000 {
		s.opened()
		s.closed(ClosedLeft)
	}
	s.closed(ClosedSlow)
	for range 2 {
		if fields := s.drain(); fields != nil {
			zap.New(core).Info("subscribers", fields...)
		}
	}
	all := lines.All()
	if len(all) != 1 {
		t.Fatalf("%d lines", len(all))
	}
	for field, want := range map[string]int64{"came": 1000, "gone_left": 1000, "gone_slow": 1} {
		if got := all[0].ContextMap()[field]; got != want {
			t.Errorf("%s is %v, not %d", field, got, want)
		}
	}
}
