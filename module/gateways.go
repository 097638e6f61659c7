package sse

import (
	"cmp"
	"slices"

	"github.com/caddyserver/caddy/v2"
)

// gateways are shared by all sites of a configuration, and by a configuration
// and the one that takes its place, as long as their Redis settings are equal.
var gateways = caddy.NewUsagePool()

// Gateways are all that this process runs, in the order of their beginning: one,
// but for a moment at a reload that changes the Redis settings.
func Gateways() (all []*Gateway) {
	gateways.Range(func(_, value any) bool {
		all = append(all, value.(*Gateway))
		return true
	})
	slices.SortFunc(all, func(a, b *Gateway) int { return cmp.Compare(a.number, b.number) })
	return all
}
