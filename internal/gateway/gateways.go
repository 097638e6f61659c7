package gateway

import (
	"cmp"
	"slices"

	"github.com/caddyserver/caddy/v2"
)

// gateways are shared by all sites of a configuration, and by a configuration
// and the one that takes its place, as long as their Redis settings are equal.
var gateways = caddy.NewUsagePool()

// Acquire is the gateway of that key, which is made if there is none. It is to be
// released as often as it was acquired.
func Acquire(key string, c Config) (*Gateway, error) {
	g, _, err := gateways.LoadOrNew(key, func() (caddy.Destructor, error) { return newGateway(c) })
	if err != nil {
		return nil, err
	}
	return g.(*Gateway), nil
}

// Release lets go of the gateway of that key, which ends, in the background, when
// nobody has it any more; see [AwaitClosing].
func Release(key string) error {
	_, err := gateways.Delete(key)
	return err
}

// All are the gateways that this process runs, in the order of their beginning: one,
// but for a moment at a reload that changes the Redis settings.
func All() (all []*Gateway) {
	gateways.Range(func(_, value any) bool {
		all = append(all, value.(*Gateway))
		return true
	})
	slices.SortFunc(all, func(a, b *Gateway) int { return cmp.Compare(a.id, b.id) })
	return all
}
