package subscribe

import (
	"cmp"
	"fmt"
	"strconv"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-sse/caddy-sse/handlers/request"
	"github.com/caddy-sse/caddy-sse/internal/block"
	"github.com/caddy-sse/caddy-sse/internal/bounds"
	"github.com/caddy-sse/caddy-sse/internal/protocol"
	sse "github.com/caddy-sse/caddy-sse/module"
)

// Parse reads the directive, with the gate, which only the whole
// Caddyfile's helper can read.
func Parse(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	s := new(Subscribe)
	if err := s.UnmarshalCaddyfile(h.Dispenser); err != nil {
		return nil, err
	}
	return s, s.parseGate(h)
}

// UnmarshalCaddyfile sets up the handler from Caddyfile tokens. Syntax:
//
//	sse_subscribe [<matcher>] [<channel>...] {
//		channel <name>...
//		allow <pattern>...
//		signed <secret>...
//		from_response
//		gate {
//			<directives...>
//		}
//		cors <origin>...
//		get_only
//		presence <member> [<info>] {
//			channel <name>...
//			linger <duration>|0
//		}
//		limits {
//			subscribers <n>|unlimited
//			subscribers_per_ip <n>
//			subscribers_per_member <n>
//			channels_per_subscriber <n>
//			connect_rate <n>/s
//			overload busy|refuse
//		}
//		format text|json
//		event <type>
//		greeting [[<event>] <data>]
//		away
//		heartbeat <duration> [comment|event]|off
//		retry <duration>
//		max_duration <duration>|0
//		until <time>
//		pending <size>
//		write_timeout <duration>
//		history [last <events>|all] [max <events>]
//		ends
//		end_event <type>
//		none 204|empty|404
//		after_end replay|204
//		say error|stopped|lost [<event>] <data>
//		gap silent
//		stop
//		recent <events> [<size>]
//		linger <duration>|0
//	}
func (s *Subscribe) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the directive's name
	addChannels := func(names []string) error {
		s.Channels = append(s.Channels, names...)
		if err := cmp.Or(checkChannels(s.Channels), request.CheckPlaceholders(nil, s.Channels...)); err != nil {
			return d.WrapErr(err)
		}
		return nil
	}
	if err := addChannels(d.RemainingArgs()); err != nil {
		return err
	}
	ends := &endsParser{d: d, to: &s.Ends}
	subs := block.Subdirectives{
		"channel": func() error {
			names := d.RemainingArgs()
			if len(names) == 0 {
				return d.Err("channel needs a name")
			}
			return addChannels(names)
		},
		"allow":         request.ParseAllow(d, &s.Allow),
		"signed":        request.ParseSigned(d, &s.Signed),
		"from_response": block.Flag(d, &s.FromResponse),
		"gate":          s.takeGate(d),
		"cors":          parseCORS(d, &s.CORS),
		"get_only":      block.Flag(d, &s.GetOnly),
		"away":          block.Flag(d, &s.Away),
		"presence":      parsePresence(d, &s.Presence),
		"limits": func() error {
			s.Limits = new(sse.Limits)
			return s.Limits.UnmarshalCaddyfile(d, false)
		},
		"format":        request.FormatSubdirective(d, &s.Format),
		"event":         block.Text(d, &s.Event),
		"greeting":      func() error { return s.parseGreeting(d) },
		"heartbeat":     sse.ParseHeartbeat(d, &s.Heartbeat, &s.HeartbeatAs),
		"retry":         block.Duration(d, &s.Retry),
		"max_duration":  func() error { return s.parseMaxDuration(d) },
		"until":         block.Text(d, &s.Until),
		"pending":       block.Size(d, &s.Pending),
		"write_timeout": block.Duration(d, &s.WriteTimeout),
		"history":       func() error { return s.parseHistory(d) },
		"recent": func() error {
			s.Recent = new(sse.Recent)
			return s.Recent.UnmarshalCaddyfile(d)
		},
		"linger": block.DurationOr(d, "0", &s.Linger),
	}
	ends.addTo(subs)
	if err := block.Parse(d, subs.CheckedBy(d, s.check), "channel", "allow", "cors", "say"); err != nil {
		return err
	}
	if err := ends.check(); err != nil {
		return err
	}
	if err := s.checkNamed(); err != nil {
		return d.WrapErr(err)
	}
	if err := s.checkHistory(); err != nil {
		return d.WrapErr(err)
	}
	return nil
}

func (s *Subscribe) parseHistory(d *caddyfile.Dispenser) error {
	s.History = new(Replay)
	for d.NextArg() {
		name := d.Val()
		if name == "all" && !s.History.All {
			s.History.All = true
			continue
		}
		to := map[string]*int{"last": &s.History.Last, "max": &s.History.Max}[name]
		if to == nil || *to != 0 {
			return d.Errf("history: %q is not expected here: it is history [last <events>|all] [max <events>]", name)
		}
		if !d.NextArg() {
			return d.Errf("history: %s needs a number of events", name)
		}
		n, err := strconv.Atoi(d.Val())
		if err != nil || n == 0 {
			return d.Errf("history: %s %q is not a number of events, 1 to %d", name, d.Val(), MaxReplay)
		}
		if err := bounds.Number("history: "+name, n, 1, MaxReplay); err != nil {
			return d.WrapErr(err)
		}
		*to = n
	}
	return nil
}

func (s *Subscribe) parseGreeting(d *caddyfile.Dispenser) error {
	switch args := d.RemainingArgs(); len(args) {
	case 0:
		s.Greeting = &Greeting{Event: protocol.OpenType, Data: "{}"}
	case 1:
		s.Greeting = &Greeting{Data: args[0]}
	case 2:
		if args[0] == "" {
			return d.Err("greeting: the event's type is empty: leave it out")
		}
		s.Greeting = &Greeting{Event: args[0], Data: args[1]}
	default:
		return d.Err("greeting takes an event type and data, or data alone, or nothing, for an event sse.open; quote data with spaces")
	}
	if _, err := request.ParseTemplate(s.Greeting.Data); err != nil {
		return d.WrapErr(fmt.Errorf("greeting: %w", err))
	}
	return nil
}

func (s *Subscribe) parseMaxDuration(d *caddyfile.Dispenser) error {
	if err := block.DurationOr(d, "0", &s.MaxDuration)(); err != nil {
		return err
	}
	s.MaxDuration = max(s.MaxDuration, 0)
	return nil
}
