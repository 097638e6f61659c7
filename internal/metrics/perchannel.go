package metrics

import (
	"cmp"
	"slices"

	"github.com/caddy-sse/caddy-sse/internal/hub"
)

// PerChannel says which channels have metrics of their own.
type PerChannel struct {
	// Wants chooses by the name; nil: none.
	Wants func(name string) bool
	// Max is how many of them have, those with the most subscribers.
	Max int
}

// choose keeps the channels with the most subscribers. Several gateways may have
// one of the same name: then the larger counts.
func (p PerChannel) choose(channels []hub.ChannelStats) []hub.ChannelStats {
	slices.SortFunc(channels, func(a, b hub.ChannelStats) int {
		return cmp.Or(cmp.Compare(b.Subscribers, a.Subscribers), cmp.Compare(a.Name, b.Name))
	})
	type key struct {
		name    string
		history bool
	}
	seen := make(map[key]bool)
	channels = slices.DeleteFunc(channels, func(s hub.ChannelStats) bool {
		k := key{s.Name, s.History}
		again := seen[k]
		seen[k] = true
		return again
	})
	return channels[:min(len(channels), p.Max)]
}
