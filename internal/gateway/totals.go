package gateway

import (
	"sync"

	"github.com/caddy-sse/caddy-sse/internal/protocol"
)

// Totals are what gateways count.
type Totals struct {
	Gaps map[protocol.Reason]uint64
	// Sent are events, Written bytes, to subscribers.
	Sent, Written uint64
	// Replays are subscribers who came back to events that they had missed, Replayed
	// these events.
	Replays, Replayed uint64
	// Malformed and NotUTF8 are payloads and entries.
	Malformed, NotUTF8 uint64
	// Unmatched is what was published to channels with history without an entry.
	Unmatched uint64
	// Connections and Messages are those of Redis that are received from.
	Connections, Messages uint64
	// Reads are those of histories, Unread the replays that could not read them.
	Reads, Unread uint64
}

// total is what the gateway has counted.
func (g *Gateway) total() Totals {
	stats, redis := g.Stats(), g.Broker.Health()
	return Totals{
		stats.Gaps, stats.Sent, g.written.Load(), stats.Replays, stats.Replayed, stats.Malformed, stats.NotUTF8,
		g.Feed.Unmatched(), redis.Connections, redis.Messages, g.Feed.Reads(), g.Feed.Unread(),
	}
}

func (t *Totals) add(other Totals) {
	gaps := make(map[protocol.Reason]uint64, len(protocol.Reasons))
	for _, r := range protocol.Reasons {
		gaps[r] = t.Gaps[r] + other.Gaps[r]
	}
	t.Gaps = gaps
	t.Sent += other.Sent
	t.Written += other.Written
	t.Replays += other.Replays
	t.Replayed += other.Replayed
	t.Malformed += other.Malformed
	t.NotUTF8 += other.NotUTF8
	t.Unmatched += other.Unmatched
	t.Connections += other.Connections
	t.Messages += other.Messages
	t.Reads += other.Reads
	t.Unread += other.Unread
}

// lifetime has the totals of gateways that are no more, and those that are counted yet,
// also while they drain: counters never go back.
var lifetime struct {
	sync.Mutex
	ended   Totals
	running map[*Gateway]struct{}
}

// begin has the gateway counted.
func (g *Gateway) begin() {
	lifetime.Lock()
	defer lifetime.Unlock()
	if lifetime.running == nil {
		lifetime.running = make(map[*Gateway]struct{})
	}
	lifetime.running[g] = struct{}{}
}

// keepTotal has what the gateway counted outlive it.
func (g *Gateway) keepTotal() {
	lifetime.Lock()
	defer lifetime.Unlock()
	if _, ok := lifetime.running[g]; ok {
		delete(lifetime.running, g)
		lifetime.ended.add(g.total())
	}
}

func totals() (all Totals) {
	lifetime.Lock()
	defer lifetime.Unlock()
	all.add(lifetime.ended)
	for g := range lifetime.running {
		all.add(g.total())
	}
	return all
}
