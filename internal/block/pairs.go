package block

import (
	"maps"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// Pairs reads a subdirective's line of names and values in turn, such as
// `maxlen 100 ttl 1h`, none of which is required. Each value is read by what its
// name stands for; a name that is not known is an error, and so is one that
// stands twice.
func Pairs(d *caddyfile.Dispenser, readers map[string]func(value string) error) func() error {
	return func() error {
		line := d.Val()
		seen := make(map[string]bool)
		for d.NextArg() {
			name := d.Val()
			read, known := readers[name]
			if !known {
				return d.Errf("%s: unknown word %q: it is one of %s", line, name, strings.Join(slices.Sorted(maps.Keys(readers)), ", "))
			}
			if seen[name] {
				return d.Errf("%s: %s stands here twice", line, name)
			}
			seen[name] = true
			if !d.NextArg() {
				return d.Errf("%s: %s needs a value", line, name)
			}
			if err := read(d.Val()); err != nil {
				return d.Errf("%s: %s: %w", line, name, err)
			}
		}
		return noBlock(d)
	}
}
