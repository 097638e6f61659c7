package sse

import (
	"cmp"
	"fmt"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-sse/caddy-sse/internal/block"
	"github.com/caddy-sse/caddy-sse/internal/bounds"
	"github.com/caddy-sse/caddy-sse/internal/limits"
)

// Limits bound what clients can make grow. A client is an address as Caddy has
// it, with `trusted_proxies` honoured, or a /64 network of IPv6.
//
// A subscriber over a limit that passes is answered 200 with an event `sse.busy`,
// whose data is `{"reason":"<limit>"}`, and closed: its EventSource comes back
// after about five times `retry`, while any other status would end it for good.
type Limits struct {
	// How many subscribers there may be. Default, for the app: as many as the
	// process' limit of open files and half of its memory allow. Negative: any
	// number.
	Subscribers int `json:"subscribers,omitempty"`

	// How many subscribers a client may have. Default: any number, since many
	// people may share an address.
	SubscribersPerIP int `json:"subscribers_per_ip,omitempty"`

	// How many subscribers a member may have; see `presence`. The oldest is
	// closed. Default: any number.
	SubscribersPerMember int `json:"subscribers_per_member,omitempty"`

	// How many channels there may be, those included that linger. For the app
	// only. Default: as many as an eighth of the memory allows. Negative: any
	// number.
	Channels int `json:"channels,omitempty"`

	// How many channels a subscriber may have. Default: 32. With history, it is
	// never more than 8.
	ChannelsPerSubscriber int `json:"channels_per_subscriber,omitempty"`

	// How many times a second a client may subscribe, this many times at once.
	// Default: any number.
	ConnectRate float64 `json:"connect_rate,omitempty"`

	// How many times a second a client may publish by sse_publish, this many
	// times at once; past it the answer is 429. For the app only. Default: any
	// number.
	PublishRate float64 `json:"publish_rate,omitempty"`

	// What a subscriber over a limit is answered. `busy` (default): as above.
	// `refuse`: 503, or 429 for the limits of one client, with Retry-After, as
	// clients want it that are no browsers.
	Overload string `json:"overload,omitempty"`
}

// DefaultChannelsPerSubscriber is how many channels a subscriber may have unless
// configured.
const DefaultChannelsPerSubscriber = 32

// Refuses reports whether a subscriber over a limit is refused, not sent away.
func (l *Limits) Refuses() bool { return l.Overload == "refuse" }

// Validate checks the limits, of the app, or else of one sse_subscribe.
func (l *Limits) Validate(ofApp bool) error {
	switch {
	case l.Overload != "" && l.Overload != "busy" && l.Overload != "refuse":
		return fmt.Errorf("limits: overload is busy or refuse, not %q", l.Overload)
	case !ofApp && (l.Channels != 0 || l.PublishRate != 0):
		return fmt.Errorf("limits: channels and publish_rate are for the global option")
	}
	return cmp.Or(
		bounds.NumberOrUnlimited("subscribers", l.Subscribers, maxLimit),
		bounds.Number("subscribers_per_ip", l.SubscribersPerIP, 1, maxLimit),
		bounds.Number("subscribers_per_member", l.SubscribersPerMember, 1, maxLimit),
		bounds.NumberOrUnlimited("channels", l.Channels, maxLimit),
		bounds.Number("channels_per_subscriber", l.ChannelsPerSubscriber, 1, maxLimit),
		bounds.Rate("connect_rate", l.ConnectRate, maxLimit),
		bounds.Rate("publish_rate", l.PublishRate, maxLimit),
	)
}

// over are the limits, with what they leave open as in the app's.
func (l *Limits) over(app *Limits) *Limits {
	merged := Limits{}
	if l != nil {
		merged = *l
	}
	merged.ChannelsPerSubscriber = cmp.Or(merged.ChannelsPerSubscriber, app.ChannelsPerSubscriber, DefaultChannelsPerSubscriber)
	merged.Overload = cmp.Or(merged.Overload, app.Overload)
	return &merged
}

// ofScope are the limits of a scope.
func (l *Limits) ofScope() limits.Limits {
	return limits.Limits{
		Subscribers: max(0, l.Subscribers), PerIP: l.SubscribersPerIP, PerMember: l.SubscribersPerMember, Connects: l.ConnectRate,
	}
}

// maxLimit is the highest number of a limit.
const maxLimit = 1_000_000_000

// UnmarshalCaddyfile sets up the limits from the block of a subdirective. Syntax:
//
//	limits {
//		subscribers <n>|unlimited
//		subscribers_per_ip <n>
//		subscribers_per_member <n>
//		channels <n>|unlimited
//		channels_per_subscriber <n>
//		connect_rate <n>/s
//		publish_rate <n>/s
//		overload busy|refuse
//	}
//
// Those of one sse_subscribe have no channels and publish_rate.
func (l *Limits) UnmarshalCaddyfile(d *caddyfile.Dispenser, ofApp bool) error {
	if d.CountRemainingArgs() > 0 {
		return d.Err("limits takes no argument, only a block")
	}
	lines := block.Subdirectives{
		"subscribers":             block.NumberOrUnlimited(d, maxLimit, &l.Subscribers),
		"subscribers_per_ip":      block.Number(d, maxLimit, &l.SubscribersPerIP),
		"subscribers_per_member":  block.Number(d, maxLimit, &l.SubscribersPerMember),
		"channels_per_subscriber": block.Number(d, maxLimit, &l.ChannelsPerSubscriber),
		"connect_rate":            block.PerSecond(d, maxLimit, &l.ConnectRate),
		"overload":                block.Text(d, &l.Overload),
	}
	if ofApp {
		lines["channels"] = block.NumberOrUnlimited(d, maxLimit, &l.Channels)
		lines["publish_rate"] = block.PerSecond(d, maxLimit, &l.PublishRate)
	}
	return block.Parse(d, lines.CheckedBy(d, func() error { return l.Validate(ofApp) }))
}
