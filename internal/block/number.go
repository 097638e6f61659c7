package block

import (
	"math"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-sse/caddy-sse/internal/bounds"
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
		if err != nil || n == 0 {
			return d.Errf("%s: %q is not a whole number from 1 to %d", name, arg, most)
		}
		if err := bounds.Number(name, n, 1, most); err != nil {
			return d.WrapErr(err)
		}
		*to = n
		return noBlock(d)
	}
}

// NumberOrUnlimited reads a whole number from 1 to most, or the word, which is
// kept as -1.
func NumberOrUnlimited(d *caddyfile.Dispenser, most int, to *int) func() error {
	return func() error {
		name := d.Val()
		args := d.RemainingArgs()
		if len(args) == 1 && args[0] == "unlimited" {
			*to = -1
			return noBlock(d)
		}
		n, err := strconv.Atoi(strings.Join(args, " "))
		if err != nil || n < 1 {
			return d.Errf("%s takes a whole number from 1 to %d, or unlimited", name, most)
		}
		if err := bounds.NumberOrUnlimited(name, n, most); err != nil {
			return d.WrapErr(err)
		}
		*to = n
		return noBlock(d)
	}
}

// PerSecond reads a rate above zero and up to most, like 10/s.
func PerSecond(d *caddyfile.Dispenser, most float64, to *float64) func() error {
	return func() error {
		name := d.Val()
		var arg string
		if !d.AllArgs(&arg) {
			return d.Errf("%s takes one rate, like 10/s", name)
		}
		number, found := strings.CutSuffix(arg, "/s")
		n, err := strconv.ParseFloat(number, 64)
		if !found || err != nil || n == 0 || math.IsNaN(n) {
			return d.Errf("%s: %q is not a rate, like 10/s or 0.5/s", name, arg)
		}
		if err := bounds.Rate(name, n, most); err != nil {
			return d.WrapErr(err)
		}
		*to = n
		return noBlock(d)
	}
}
