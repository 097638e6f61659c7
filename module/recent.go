package sse

import (
	"cmp"
	"math"
	"strconv"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/dustin/go-humanize"

	"github.com/caddy-sse/caddy-sse/internal/bounds"
)

// Recent says how much a channel remembers, in the gateway's memory, for those
// who come back.
type Recent struct {
	// How many of the newest events. 0: none; then events of channels without
	// history carry no IDs of the gateway's.
	Events int `json:"events"`

	// How many bytes they may have. Default: 1 MiB.
	Size int64 `json:"size,omitempty"`
}

// MaxRecent is the most events that a channel can be set to remember.
const MaxRecent = 1_000_000

// Validate checks the settings.
func (r *Recent) Validate() error {
	return cmp.Or(
		bounds.Number("recent: the number of events", r.Events, 0, MaxRecent),
		bounds.Size("recent: the size", r.Size, 1, bounds.Largest),
	)
}

// Bytes is the size, or its default.
func (r *Recent) Bytes() int {
	if r.Size == 0 {
		return DefaultRecentSize
	}
	return int(r.Size)
}

// UnmarshalCaddyfile sets up r from the arguments of a subdirective. Syntax:
//
//	recent <events> [<size>]
func (r *Recent) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	var err error
	args := d.RemainingArgs()
	if len(args) == 0 || len(args) > 2 {
		return d.Err("recent takes a number of events, and may take a size, like 100 1MiB")
	}
	if r.Events, err = strconv.Atoi(args[0]); err != nil {
		return d.Errf("recent: %q is not a number of events, 0 to %d", args[0], MaxRecent)
	}
	if len(args) == 2 {
		n, err := humanize.ParseBytes(args[1])
		if err != nil || n == 0 {
			return d.Errf("recent: %q is not a size, like 1MiB", args[1])
		}
		r.Size = int64(min(n, math.MaxInt64))
	}
	if err := r.Validate(); err != nil {
		return d.WrapErr(err)
	}
	return nil
}
