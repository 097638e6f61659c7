// Package block reads the blocks of this project's directives, so that they
// all refuse the same mistakes in the same words.
package block

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/dustin/go-humanize"
)

// Subdirectives are the names that a block may hold, and what reads each: it is
// called with the dispenser at the name.
type Subdirectives map[string]func() error

// Parse reads the block that d has come to, if there is one. A name that is not
// known is an error, and so is one that stands twice, unless it is repeatable.
func Parse(d *caddyfile.Dispenser, subs Subdirectives, repeatable ...string) error {
	seen := make(map[string]bool)
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		name := d.Val()
		read, known := subs[name]
		if !known {
			return d.Errf("unknown subdirective %q: it is one of %s", name, strings.Join(slices.Sorted(maps.Keys(subs)), ", "))
		}
		if seen[name] && !slices.Contains(repeatable, name) {
			return d.Errf("%s stands here twice", name)
		}
		seen[name] = true
		if err := read(); err != nil {
			return err
		}
	}
	return nil
}

// CheckedBy has check called after each line that is read, at which it then says
// what is wrong: it is the same that Validate uses, so that JSON is refused in the
// same words.
func (s Subdirectives) CheckedBy(d *caddyfile.Dispenser, check func() error) Subdirectives {
	checked := make(Subdirectives, len(s))
	for name, read := range s {
		checked[name] = func() error {
			if err := read(); err != nil {
				return err
			}
			if err := check(); err != nil {
				return d.WrapErr(err)
			}
			return nil
		}
	}
	return checked
}

// Text reads the one argument of a subdirective into to.
func Text(d *caddyfile.Dispenser, to *string) func() error {
	return func() error {
		name := d.Val()
		if !d.AllArgs(to) {
			return d.Errf("%s takes one argument", name)
		}
		if *to == "" {
			return d.Errf("%s: an empty text means nothing here: leave the line out", name)
		}
		return noBlock(d)
	}
}

// Flag reads a subdirective without arguments.
func Flag(d *caddyfile.Dispenser, to *bool) func() error {
	return func() error {
		if d.CountRemainingArgs() > 0 {
			return d.Errf("%s takes no argument", d.Val())
		}
		*to = true
		return noBlock(d)
	}
}

// Duration reads a duration. What it may be is said by the check of the block;
// zero is no duration, since a setting that is zero has its default.
func Duration(d *caddyfile.Dispenser, to *caddy.Duration) func() error {
	return duration(d, to, "")
}

// DurationOr reads a duration above zero, or the word that turns it off, which is
// kept as -1.
func DurationOr(d *caddyfile.Dispenser, off string, to *caddy.Duration) func() error {
	return duration(d, to, off)
}

func duration(d *caddyfile.Dispenser, to *caddy.Duration, off string) func() error {
	return func() error {
		name := d.Val()
		var arg string
		if !d.AllArgs(&arg) {
			return d.Errf("%s takes one duration, like 25s", name)
		}
		var err error
		if *to, err = ParseDuration(arg, off); err != nil {
			return d.Errf("%s: %w", name, err)
		}
		return noBlock(d)
	}
}

// ParseDuration reads a duration, as [Duration] does, or the word that turns it off, if
// there is one, as [DurationOr] does.
func ParseDuration(arg, off string) (caddy.Duration, error) {
	if off != "" && arg == off {
		return -1, nil
	}
	dur, err := caddy.ParseDuration(arg)
	if err != nil || dur == 0 || dur < 0 && off != "" {
		expected := "a duration, like 25s or 1m"
		if off != "" {
			expected = fmt.Sprintf("%s, or %s", expected, off)
		}
		return 0, fmt.Errorf("%q is not %s", arg, expected)
	}
	return caddy.Duration(dur), nil
}

// Size reads a size in bytes, like 64KiB. What it may be is said by the check of
// the block.
func Size(d *caddyfile.Dispenser, to *int64) func() error {
	return func() error {
		name := d.Val()
		var arg string
		if !d.AllArgs(&arg) {
			return d.Errf("%s takes one size, like 64KiB", name)
		}
		n, err := humanize.ParseBytes(arg)
		if err != nil || n == 0 {
			return d.Errf("%s: %q is not a size, like 64KiB", name, arg)
		}
		*to = int64(min(n, math.MaxInt64))
		return noBlock(d)
	}
}

// None refuses arguments and a block after what a subdirective has read itself.
func None(d *caddyfile.Dispenser) error {
	if d.NextArg() {
		return d.ArgErr()
	}
	return noBlock(d)
}

// noBlock refuses a block after a subdirective that takes none.
func noBlock(d *caddyfile.Dispenser) error {
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		return d.Errf("unexpected %q: there is no block here", d.Val())
	}
	return nil
}
