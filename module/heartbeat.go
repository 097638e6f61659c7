package sse

import (
	"cmp"
	"fmt"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-sse/caddy-sse/internal/block"
	"github.com/caddy-sse/caddy-sse/internal/bounds"
	"github.com/caddy-sse/caddy-sse/internal/eventstream"
	"github.com/caddy-sse/caddy-sse/internal/protocol"
)

// What a heartbeat is: a comment, which no page sees, or an event, which a page can
// listen for.
const (
	HeartbeatComment = "comment"
	HeartbeatEvent   = "event"
)

// ParseHeartbeat reads the subdirective heartbeat: a duration, and what is sent then, or
// off.
func ParseHeartbeat(d *caddyfile.Dispenser, after *caddy.Duration, as *string) func() error {
	return func() error {
		args := d.RemainingArgs()
		if len(args) == 0 || len(args) > 2 {
			return d.Errf("heartbeat is heartbeat <duration> [%s|%s], like 25s, or heartbeat off", HeartbeatComment, HeartbeatEvent)
		}
		var err error
		if *after, err = block.ParseDuration(args[0], "off"); err != nil {
			return d.Errf("heartbeat: %w", err)
		}
		if len(args) == 2 {
			*as = args[1]
		}
		return block.None(d)
	}
}

// CheckHeartbeat checks the two settings of a heartbeat, as far as they are set.
func CheckHeartbeat(after caddy.Duration, as string) error {
	var form error
	switch {
	case as != "" && as != HeartbeatComment && as != HeartbeatEvent:
		form = fmt.Errorf("heartbeat: %q is not what a heartbeat can be: it is %s or %s", as, HeartbeatComment, HeartbeatEvent)
	case after < 0 && as != "":
		form = fmt.Errorf("heartbeat is off, so it is no %s", as)
	}
	return cmp.Or(bounds.DurationOrOff("heartbeat", after, bounds.Shortest, bounds.Longest), form)
}

// Heartbeat is what makes the heartbeats of that kind; nil for comments.
func Heartbeat(as string) func() *eventstream.Frame {
	if as != HeartbeatEvent {
		return nil
	}
	return func() *eventstream.Frame { return protocol.HeartbeatFrame(time.Now()) }
}
