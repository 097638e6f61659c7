// Package subscribe is the directive sse_subscribe.
package subscribe

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unique"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-sse/caddy-sse/handlers/opening"
	"github.com/caddy-sse/caddy-sse/handlers/request"
	"github.com/caddy-sse/caddy-sse/internal/bounds"
	"github.com/caddy-sse/caddy-sse/internal/hub"
	"github.com/caddy-sse/caddy-sse/internal/limits"
	"github.com/caddy-sse/caddy-sse/internal/protocol"
	"github.com/caddy-sse/caddy-sse/internal/transport"
	sse "github.com/caddy-sse/caddy-sse/module"
	"github.com/caddy-sse/caddy-sse/module/sites"
)

func init() { caddy.RegisterModule(&Subscribe{}) }

// Subscribe answers an EventSource, and holds its stream: the events of the
// channels reach it as they are published to Redis.
//
// It answers GET and HEAD requests that accept `text/event-stream` by name, or
// that accept anything; all others go on to the next handler, so that a JSON
// resource of the app can live at the same URL.
//
// A subscriber that comes back with `Last-Event-ID`, as browsers do, or with
// `?lastEventId=` in the URL (or `lastEventID`, `last_event_id`, `Last-Event-ID`),
// gets what it missed, once, in order: from the
// channel's history, if it has one, else from what the gateway remembers. Where
// that is not possible, it is told by an event `sse.gap` with data
// `{"channel","reason","from","to","channels"}`, so that the page can fetch what it
// shows again, of all those channels. The reason is one word:
//
// Reason | Meaning
// -------|--------
// trimmed | The channel's history no longer reaches back so far.
// reset | Redis has lost the history in which the subscriber was.
// overflow | More was missed than is remembered, or than `max`; or more is published than the gateway delivers.
// unknown | The ID is none that the gateway knows, or it was not connected to Redis for a while, and the channel has no history.
type Subscribe struct {
	// The channels, which are Redis' Pub/Sub channels. Placeholders are filled
	// in for each request; one without a value is refused with status 400, as
	// is a name that is empty, longer than 256 bytes, holds a space or a control
	// character, or begins with `__key`, `__sentinel__:`, `__redis__:` or `sse.`,
	// where Redis and the gateways speak.
	//
	// A channel that is one placeholder of the query alone, `{query.channel}`, is as many
	// channels as the request has of that parameter.
	Channels []string `json:"channels,omitempty"`

	// Which channels a request may name, those of `presence` too, by patterns, in which a
	// `*` stands for any characters, and all else for itself. Placeholders are filled in for
	// each request: what is filled into a pattern is literal, and one that has no value makes
	// it match nothing. A placeholder that stands alone is a list of patterns, with spaces
	// between, as a claim of a token that is a list. Other channels are refused with status
	// 403. Default: all.
	Allow request.Allow `json:"allow,omitempty"`

	// Has the app say by a signature in the URL which channels its client may read, and until
	// when, instead of `channels`: `?channel=chat:42&exp=1700000000&sig=…`, with one
	// `channel` or several. `sig` is the HMAC-SHA256, in hexadecimal, of `sse1`, `exp` and
	// each channel in their order, with line feeds between, by a secret of at least 16
	// bytes. The subscription ends at `exp`, in Unix time. Others are refused with status 403.
	// Placeholders are filled in when the configuration is loaded. Of several secrets any is
	// good, so that they can be changed. Default: none.
	Signed request.Signed `json:"signed,omitempty"`

	// Asks the next handler, such as a `reverse_proxy` to the app, and has its answer open
	// the subscription, instead of `channels`: one of status 2xx with the header
	// `Sse-Channels: chat:42, user:7`, all of which `allow` has to allow. `Sse-Member` says
	// who the subscriber is to others, as `presence` does, and `Sse-Until` until when it may be
	// there, as `until` does. Its other headers are the subscription's, and its body, of at
	// most 64 KiB, if it is `text/event-stream`, is what the subscription begins with. If
	// something is wrong with it, the client gets status 502, and the log says what. Any other
	// answer goes to the client as it is. If the app is away, the subscriber is sent away with
	// an event `sse.busy` (`gate`), so that it comes back.
	FromResponse bool `json:"from_response,omitempty"`

	// Who may subscribe: any handlers, such as a `reverse_proxy` that asks the
	// app, which run to their end before the subscriber is opened. One that
	// answers the request keeps the subscriber out, with that answer; one that
	// fails with status 429, 502, 503 or 504, which pass, sends it away with an
	// event `sse.busy`, so that it comes back. Headers and placeholders that they
	// set can be used in all texts here. A gate without routes, or with a route that
	// has no handler, is an error. Default: everyone.
	Gate Gate `json:"gate,omitempty"`

	// The origins, such as `https://app.example.com`, whose pages may subscribe
	// from another site, with the cookies of this one: exactly these, or `*` for
	// all pages, then without cookies. Requests that come from any other are
	// refused with status 403. Placeholders are filled in when the configuration
	// is loaded. Default: only pages of this site, as browsers have it.
	CORS []string `json:"cors,omitempty"`

	// Answers requests of all other methods than GET and HEAD with status 405 and
	// `Allow`, OPTIONS with 204. Default: they go on to the next handler, which may
	// be the app's, at the same URL.
	GetOnly bool `json:"get_only,omitempty"`

	// Limits of this directive's subscribers, besides the app's. They count each
	// directive for itself. A reload finds those who are there by the addresses of
	// the server, the matchers on the way to the directive, and its channels; by
	// the order where these are the same. Default: none.
	Limits *sse.Limits `json:"limits,omitempty"`

	// Makes the subscriber a member of its channels while it is open. Default:
	// nobody is told of it.
	Presence *Membership `json:"presence,omitempty"`

	// How payloads are read. `text` (default): the whole payload is the
	// event's data. `json`: it is an envelope,
	// `{"event":"…","data":any,"id":"…","retry":10000}` with only `data`
	// required; one that is malformed is delivered whole as data.
	Format string `json:"format,omitempty"`

	// The type of an event that names none. Placeholders are filled in, and
	// `{sse.channel}` is the event's channel. Default: none, which a browser
	// calls `message`.
	Event string `json:"event,omitempty"`

	// The first event, sent at once. It carries the subscriber's event ID, which
	// otherwise comes without data, where some clients do not take it: npm's
	// `eventsource` and `eventsource-parser`, for two. Default: none.
	Greeting *Greeting `json:"greeting,omitempty"`

	// Tells the subscriber by an event `sse.away` when Redis is away, so that nothing
	// live arrives, and by `sse.back` when it is back, both with data
	// `{"since":"2026-11-24T15:04:05.123Z"}` and without an ID. Who comes while it is
	// away is told after the greeting. What was missed is told by `sse.gap` as always.
	// Default: it is not told.
	Away bool `json:"away,omitempty"`

	// After how long a silence a heartbeat is sent. Default: the app's.
	// From 100ms to 24h. Negative: never. The header `Sse-Heartbeat` of the stream has it
	// in seconds, and 0 for never.
	Heartbeat caddy.Duration `json:"heartbeat,omitempty"`

	// What a heartbeat is: `comment` or `event`. Default: the app's.
	HeartbeatAs string `json:"heartbeat_as,omitempty"`

	// How long a browser waits before it reconnects, give or take half.
	// Default: the app's. From 100ms to 24h.
	Retry caddy.Duration `json:"retry,omitempty"`

	// After how long the subscription is closed, give or take 10 %; the
	// browser then reconnects. From 100ms to 365 days. Default: 0, never.
	MaxDuration caddy.Duration `json:"max_duration,omitempty"`

	// When the subscription ends because the right to it does, as Unix time in seconds or
	// as RFC 3339 has it: for a gate that knows, such as
	// `{http.reverse_proxy.header.X-Until}`. Placeholders are filled in for each request;
	// a text that is empty then, or 0, means never, and one that is no time is refused
	// with status 400. The close reason is `expired`, and the browser comes back; who
	// comes too late gets an event `sse.busy` with `{"reason":"expired"}`. The end of a
	// token that `sse_token` has checked holds without this. Default: never.
	Until string `json:"until,omitempty"`

	// How many bytes may wait for the subscriber. Default: the app's. From 4 KiB to
	// 1 TiB.
	Pending int64 `json:"pending,omitempty"`

	// For how long the subscriber may take nothing while something waits for
	// it. Default: the app's. From 100ms to 24h.
	WriteTimeout caddy.Duration `json:"write_timeout,omitempty"`

	// Makes the channels those that Redis keeps: the history of each, and the
	// source of its events, is the Redis stream of the same name, so that
	// nothing is missed that is in it. Then 8 channels at most. Default: none;
	// events are what is published to the channels.
	History *Replay `json:"history,omitempty"`

	// Has the subscription end with the run that it is in. It takes `history` with `all`.
	// Default: it does not end by itself.
	Ends *Ends `json:"ends,omitempty"`

	// What each channel remembers. Default: the app's.
	Recent *sse.Recent `json:"recent,omitempty"`

	// For how long a channel goes on after its last subscriber has left.
	// Default: the app's. From 100ms to 365 days. Negative: not at all.
	Linger caddy.Duration `json:"linger,omitempty"`

	app       *sse.App
	format    protocol.Format
	options   *transport.Options
	retention hub.Retention
	cors      origins
	limits    *sse.Limits
	scopes    []limits.Scope
	path      request.Path
	http3     opening.HTTP3Server
	keys      [][]byte                     // of Signed
	ends      unique.Handle[protocol.Ends] // zero: they do not matter

	gateSegment *caddyfile.Dispenser // of the Caddyfile, until parseGate has read it
}

// CaddyModule returns the Caddy module information.
func (*Subscribe) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.handlers.sse_subscribe",
		New: func() caddy.Module { return new(Subscribe) },
	}
}

// Provision sets up the handler.
func (s *Subscribe) Provision(ctx caddy.Context) error {
	var err error
	if s.app, err = sse.FromContext(ctx); err != nil {
		return err
	}
	s.Heartbeat = cmp.Or(s.Heartbeat, s.app.Heartbeat)
	if s.Heartbeat > 0 {
		s.HeartbeatAs = cmp.Or(s.HeartbeatAs, s.app.HeartbeatAs)
	}
	s.Retry = cmp.Or(s.Retry, s.app.Retry)
	s.options = &transport.Options{
		Heartbeat:    max(0, time.Duration(s.Heartbeat)),
		Beat:         sse.Heartbeat(s.HeartbeatAs),
		MaxDuration:  time.Duration(s.MaxDuration),
		Retry:        time.Duration(s.Retry),
		Pending:      int(cmp.Or(s.Pending, s.app.Pending)),
		WriteTimeout: time.Duration(cmp.Or(s.WriteTimeout, s.app.WriteTimeout)),
		Written:      s.app.Gateway().Written(),
	}
	s.format, _ = protocol.ParseFormat(s.Format) // Validate says what is wrong
	s.Recent = cmp.Or(s.Recent, s.app.Recent)
	s.retention = hub.Retention{
		Events: s.Recent.Events,
		Bytes:  s.Recent.Bytes(),
		Linger: time.Duration(cmp.Or(s.Linger, s.app.Linger)),
	}
	if s.History != nil {
		s.History.Max = cmp.Or(s.History.Max, s.History.defaultMax())
	}
	if s.ends = s.Ends.shared(); s.Ends != nil {
		s.options.IsWhole = hub.IsWhole
	}
	if s.Presence != nil {
		if err := s.Presence.provision(); err != nil {
			return err
		}
		request.WarnOfNames(ctx.Logger(), s.Presence.Channels...)
	}
	s.limits, s.scopes = s.app.Scopes(s.Limits, placeOf(ctx)+"\n"+strings.Join(s.Channels, " "))
	if s.Greeting != nil {
		if s.Greeting.data, err = request.ParseTemplate(s.Greeting.Data); err != nil {
			return fmt.Errorf("greeting: %w", err)
		}
	}
	request.WarnOfNames(ctx.Logger(), s.Channels...)
	if len(s.Allow) == 0 && len(s.Gate) == 0 { // which may look at the URL
		request.WarnOfClientNames(ctx.Logger(), s.Channels...)
	}
	if s.keys, err = s.Signed.Keys(); err != nil {
		return err
	}
	s.path = request.PathIn(s.texts()...)
	if s.cors, err = fillOrigins(caddy.NewReplacer(), s.CORS); err != nil {
		return err
	}
	if err := caddyhttp.RouteList(s.Gate).Provision(ctx); err != nil {
		return fmt.Errorf("gate: %w", err)
	}
	if server, ok := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server); ok {
		transport.Prepare(server)
		server.RegisterOnShutdown(opening.EndOnExit(s.app))
	}
	return nil
}

// texts are those in which placeholders are filled in.
func (s *Subscribe) texts() []string { return append(s.textsOfRequests(), s.Event) }

// textsOfRequests are those that are filled in once at each request.
func (s *Subscribe) textsOfRequests() []string {
	texts := append(slices.Clone(s.Channels), s.Until)
	if s.Greeting != nil {
		texts = append(texts, s.Greeting.Event, s.Greeting.Data)
	}
	if s.Presence != nil {
		texts = append(append(texts, s.Presence.Member, s.Presence.Info), s.Presence.Channels...)
	}
	return texts
}

// Validate checks the settings.
func (s *Subscribe) Validate() error {
	if err := s.checkNamed(); err != nil {
		return err
	}
	if err := cmp.Or(s.check(), s.cors.check(), s.Gate.check(), s.Recent.Validate()); err != nil {
		return err
	}
	if s.Presence != nil {
		if err := s.Presence.check(); err != nil {
			return err
		}
	}
	if s.Limits != nil {
		if err := s.Limits.Validate(false); err != nil {
			return err
		}
		if s.Limits.SubscribersPerMember > 0 && s.Presence == nil {
			return errors.New("limits: subscribers_per_member needs presence, which says who the members are")
		}
	}
	if most := s.limits.ChannelsPerSubscriber; len(s.Channels) > most {
		return fmt.Errorf("a subscriber may have %d channels (limits { channels_per_subscriber }), not %d", most, len(s.Channels))
	}
	return s.checkHistory()
}

// check checks what is the directive's alone, as far as it is set.
func (s *Subscribe) check() error {
	_, format := protocol.ParseFormat(s.Format)
	return cmp.Or(
		checkChannels(s.Channels),
		s.Allow.Check(),
		s.Signed.Check(),
		request.CheckPlaceholders(nil, s.textsOfRequests()...),
		request.CheckPlaceholders([]string{request.EventChannel}, s.Event),
		format,
		request.CheckEventType("event", s.Event),
		s.Greeting.check(),
		s.Ends.check(),
		sse.CheckHeartbeat(s.Heartbeat, s.HeartbeatAs),
		bounds.Duration("retry", s.Retry, bounds.Shortest, bounds.Longest),
		bounds.Duration("max_duration", s.MaxDuration, bounds.Shortest, bounds.Forever),
		bounds.Size("pending", s.Pending, sse.MinPending, bounds.Largest),
		bounds.Duration("write_timeout", s.WriteTimeout, bounds.Shortest, bounds.Longest),
		bounds.DurationOrOff("linger", s.Linger, bounds.Shortest, bounds.Forever),
	)
}

// checkNamed checks that there is a way to name channels, and one alone.
func (s *Subscribe) checkNamed() error {
	switch {
	case s.FromResponse && len(s.Channels)+len(s.Signed) > 0:
		return errors.New("from_response has the app's answer name the channels: leave out channel and signed")
	case s.FromResponse && len(s.Allow) == 0:
		return errors.New("from_response needs allow, which says what channels the app's answer may name")
	case s.FromResponse && s.Ends != nil && s.Ends.Stop:
		return errors.New("from_response does not go with stop: no answer says which run")
	case s.FromResponse:
		return nil
	case len(s.Signed) > 0 && len(s.Channels) > 0:
		return errors.New("signed has the channels named by the request: leave out the channel")
	case len(s.Signed) == 0 && len(s.Channels) == 0:
		return errors.New("sse_subscribe needs at least one channel")
	}
	return nil
}

// Use implements [sites.Directive].
func (s *Subscribe) Use() sites.Use {
	if s.FromResponse {
		return sites.Use{Channels: s.Allow, Methods: request.Reading, GoesOn: true, Does: "asks what comes after it for a subscription at all GET and HEAD requests that accept text/event-stream, or anything"}
	}
	if s.GetOnly {
		return sites.Use{Channels: s.Channels, Does: "takes all requests from what comes after it, but those GET and HEAD requests that accept something else than text/event-stream"}
	}
	return sites.Use{Channels: s.Channels, Methods: request.Reading, Does: "takes from what comes after it all GET and HEAD requests that accept text/event-stream, or anything, as those of scripts and health checks do"}
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Subscribe)(nil)
	_ caddy.Validator             = (*Subscribe)(nil)
	_ caddyhttp.MiddlewareHandler = (*Subscribe)(nil)
	_ caddyfile.Unmarshaler       = (*Subscribe)(nil)
	_ sites.Directive             = (*Subscribe)(nil)
)
