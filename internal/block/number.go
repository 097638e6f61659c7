package block

import (
	"strconv"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// Number reads a whole number from 1 to most.
func Number(d *caddyfile.Dispenser, most int, to *int) func() error {
	return func() error {
		name := d.Val()
		var arg string
		if !d.AllArgs(&arg) {
			return d.Errf("%s takes one number", name)
		}
		n, err := strconv.Atoi(arg)
		if err != nil || n < 1 || n > most {
			return d.Errf("%s: %q is not a whole number from 1 to %d", name, arg, most)
		}
		*to = n
		return noBlock(d)
	}
}
