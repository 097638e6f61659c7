package handlers

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/caddy-sse/caddy-sse/internal/block"
	"github.com/caddy-sse/caddy-sse/internal/jitter"
	sse "github.com/caddy-sse/caddy-sse/module"
	"github.com/caddy-sse/caddy-sse/module/delivery"
	"github.com/caddy-sse/caddy-sse/module/eventstream"
	"github.com/caddy-sse/caddy-sse/module/hub"
)

// readyTimeout is how long a subscriber's answer waits until its channels are
// heard, so that a page that has seen `open` misses nothing.
const readyTimeout = time.Second

func init() {
	caddy.RegisterModule(&Subscribe{})
	httpcaddyfile.RegisterHandlerDirective("sse_subscribe", parseHandler[Subscribe])
	// Before handle and its like, too: a catch-all block would hide it.
	httpcaddyfile.RegisterDirectiveOrder("sse_subscribe", httpcaddyfile.After, "templates")
}

// Subscribe answers an EventSource, and holds its stream: the events of the
// channels reach it as they are published to Redis.
//
// It answers GET and HEAD requests that accept `text/event-stream` by name, or
// that accept anything; all others go on to the next handler, so that a JSON
// resource of the app can live at the same URL.
//
// A subscriber that may have missed events, because Redis was away, is told so
// by an event `sse.gap` with data `{"channel","reason","from","to"}`.
type Subscribe struct {
	// The channels, which are Redis' Pub/Sub channels. Placeholders are filled
	// in for each request; one without a value is refused with status 400, as
	// is a name that is empty, longer than 256 bytes, or holds a space or a
	// control character.
	Channels []string `json:"channels,omitempty"`

	// How payloads are read. `text` (default): the whole payload is the
	// event's data. `json`: it is an envelope,
	// `{"event":"…","data":any,"id":"…","retry":10000}` with only `data`
	// required; one that is malformed is delivered whole as data.
	Format string `json:"format,omitempty"`

	// The type of an event that names none. Placeholders are filled in, and
	// `{sse.channel}` is the event's channel. Default: none, which a browser
	// calls `message`.
	Event string `json:"event,omitempty"`

	// The first event, sent at once. Default: none.
	Greeting *Greeting `json:"greeting,omitempty"`

	// After how long a silence a comment is sent. Default: the app's.
	// Negative: never.
	Heartbeat caddy.Duration `json:"heartbeat,omitempty"`

	// How long a browser waits before it reconnects, give or take half.
	// Default: the app's.
	Retry caddy.Duration `json:"retry,omitempty"`

	// After how long the subscription is closed, give or take 10 %; the
	// browser then reconnects. Default: 0, never.
	MaxDuration caddy.Duration `json:"max_duration,omitempty"`

	// How many bytes may wait for the subscriber. Default: the app's.
	Pending int64 `json:"pending,omitempty"`

	// For how long the subscriber may take nothing while something waits for
	// it. Default: the app's.
	WriteTimeout caddy.Duration `json:"write_timeout,omitempty"`

	app     *sse.App
	format  eventstream.Format
	options *delivery.Options
}

// A Greeting is an event that every subscriber begins with.
type Greeting struct {
	// The event's type. Default: none, which a browser calls `message`.
	Event string `json:"event,omitempty"`
	// The event's data. Placeholders are filled in, here and in the type.
	Data string `json:"data,omitempty"`
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
	app, err := ctx.App("sse")
	if err != nil {
		return err
	}
	s.app = app.(*sse.App)
	s.Heartbeat = cmp.Or(s.Heartbeat, s.app.Heartbeat)
	s.Retry = cmp.Or(s.Retry, s.app.Retry)
	s.options = &delivery.Options{
		Heartbeat:    max(0, time.Duration(s.Heartbeat)),
		MaxDuration:  time.Duration(s.MaxDuration),
		Pending:      int(cmp.Or(s.Pending, s.app.Pending)),
		WriteTimeout: time.Duration(cmp.Or(s.WriteTimeout, s.app.WriteTimeout)),
	}
	if s.format, err = eventstream.ParseFormat(s.Format); err != nil {
		return err
	}
	if server, ok := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server); ok {
		server.RegisterConnContext(delivery.ConnContext)
		endOnExit(server, s.app.Gateway())
	}
	return nil
}

// endOnExit ends the subscriptions when Caddy exits, which otherwise waits for
// those over HTTP/2 and HTTP/3 for ever. On a reload they may go on.
func endOnExit(server *caddyhttp.Server, gateway *sse.Gateway) {
	server.RegisterOnShutdown(func() {
		if caddy.Exiting() {
			gateway.Drain()
		}
	})
}

// Validate checks the settings.
func (s *Subscribe) Validate() error {
	if len(s.Channels) == 0 {
		return errors.New("sse_subscribe needs at least one channel")
	}
	for _, name := range s.Channels {
		if err := checkConfigured(name); err != nil {
			return err
		}
	}
	if s.Retry < 0 || s.MaxDuration < 0 || s.Pending < 0 || s.WriteTimeout < 0 {
		return errors.New("retry, max_duration, pending and write_timeout must not be negative")
	}
	return nil
}

func (s *Subscribe) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	if r.Method != http.MethodGet && r.Method != http.MethodHead || !accepts(r, eventstream.ContentType) {
		return next.ServeHTTP(w, r)
	}
	repl := replacer(r)
	channels, err := channelNames(repl, s.Channels)
	if err != nil {
		return refuse(w, http.StatusBadRequest, err)
	}
	if r.Method == http.MethodHead {
		writeHead(w)
		return nil
	}

	gateway := s.app.Gateway()
	subscriber := hub.NewSubscriber(s.interests(repl, channels), s.opening(repl), s.options.Pending, time.Duration(s.Retry))
	gateway.Join(subscriber)
	delivered := false
	defer func() {
		if !delivered { // a handler's writer panicked, as http.ErrAbortHandler asks for
			gateway.Leave(subscriber)
		}
	}()
	s.awaitReady(r.Context(), subscriber)
	gateway.Open(subscriber)
	writeHead(w)
	deliver(w, r, gateway, subscriber, s.options, channels)
	delivered = true
	return nil
}

// deliver brings the subscriber its events, until it leaves: in the hub's loop,
// if its connection can be taken over, so that the handler returns at once; else
// here. Either way what it keeps is neither the request's nor the handler's,
// which a reload replaces.
func deliver(w http.ResponseWriter, r *http.Request, gateway *sse.Gateway, subscriber *hub.Subscriber, options *delivery.Options, channels []string) {
	via := "response"
	ended := func(e delivery.End) {
		gateway.Leave(subscriber)
		if c := gateway.Log().Check(zap.DebugLevel, "subscriber left"); c != nil {
			c.Write(zap.Strings("channels", channels), zap.String("via", via), zap.Int("status", http.StatusOK), zap.Int64("bytes", e.Bytes),
				zap.Duration("duration", e.Open), zap.NamedError("reason", e.Reason))
		}
	}
	if conn := delivery.TakeOver(w, r); conn != nil {
		via = "socket"
		gateway.Attach(subscriber, func(loop *hub.Loop) hub.Outlet {
			return delivery.NewSocket(conn, loop, gateway.Poller, options, ended)
		})
		return
	}
	if err := http.NewResponseController(w).Flush(); err != nil {
		ended(delivery.End{Reason: delivery.ErrLeft})
		return
	}
	out := delivery.NewResponse(options)
	gateway.Attach(subscriber, func(*hub.Loop) hub.Outlet { return out })
	ended(out.Serve(r.Context(), w))
}

// awaitReady waits until the channels are heard. While Redis is away there is
// nothing to wait for: the page opens, and is told of the gap later.
func (s *Subscribe) awaitReady(ctx context.Context, subscriber *hub.Subscriber) {
	if s.app.Gateway().Bus.Away() {
		return
	}
	timeout := time.NewTimer(readyTimeout)
	defer timeout.Stop()
	select {
	case <-subscriber.Ready():
	case <-timeout.C:
	case <-ctx.Done():
	}
}

// opening is what every subscription begins with: the reconnection time, and
// the greeting.
func (s *Subscribe) opening(repl *caddy.Replacer) *eventstream.Frame {
	var greeting eventstream.Event
	if s.Greeting != nil {
		greeting.Type = repl.ReplaceKnown(s.Greeting.Event, "")
		greeting.Data = repl.ReplaceKnown(s.Greeting.Data, "")
	}
	return eventstream.NewFrame(len(greeting.Data)+64, func(b []byte) []byte {
		b = eventstream.AppendRetry(b, jitter.Spread(time.Duration(s.Retry), 0.5))
		if s.Greeting != nil {
			b = greeting.Append(b)
		}
		return b
	})
}

func (s *Subscribe) interests(repl *caddy.Replacer, channels []string) []hub.Interest {
	interests := make([]hub.Interest, len(channels))
	for i, channel := range channels {
		repl.Set("sse.channel", channel)
		interests[i] = hub.Interest{
			Channel: channel,
			View:    eventstream.View{Format: s.format, Type: repl.ReplaceKnown(s.Event, "")},
		}
	}
	return interests
}

// writeHead writes the status and the headers. WriteHeader comes before any
// flush, which Caddy's recorder otherwise drops.
func writeHead(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", eventstream.ContentType)
	// no-transform keeps `encode`, and proxies on the way, from compressing,
	// which delays events and costs megabytes a subscriber.
	h.Set("Cache-Control", "no-cache, no-transform")
	h.Set("X-Accel-Buffering", "no") // nginx, in front of us
	w.WriteHeader(http.StatusOK)
}

// UnmarshalCaddyfile sets up the handler from Caddyfile tokens. Syntax:
//
//	sse_subscribe [<matcher>] [<channel>...] {
//		channel <name>...
//		format text|json
//		event <type>
//		greeting [<event>] <data>
//		heartbeat <duration>|off
//		retry <duration>
//		max_duration <duration>|0
//		pending <size>
//		write_timeout <duration>
//	}
func (s *Subscribe) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the directive's name
	addChannels := func(names []string) error {
		for _, name := range names {
			if err := checkConfigured(name); err != nil {
				return d.WrapErr(err)
			}
			if slices.Contains(s.Channels, name) {
				return d.Errf("channel %s stands here twice", name)
			}
			s.Channels = append(s.Channels, name)
		}
		return nil
	}
	if err := addChannels(d.RemainingArgs()); err != nil {
		return err
	}
	err := block.Parse(d, block.Subdirectives{
		"channel": func() error {
			names := d.RemainingArgs()
			if len(names) == 0 {
				return d.Err("channel needs a name")
			}
			return addChannels(names)
		},
		"format":        parseFormat(d, &s.Format),
		"event":         block.Text(d, &s.Event),
		"greeting":      func() error { return s.parseGreeting(d) },
		"heartbeat":     block.DurationOr(d, "off", &s.Heartbeat),
		"retry":         block.Duration(d, &s.Retry),
		"max_duration":  func() error { return s.parseMaxDuration(d) },
		"pending":       block.Size(d, &s.Pending),
		"write_timeout": block.Duration(d, &s.WriteTimeout),
	}, "channel")
	if err != nil {
		return err
	}
	if len(s.Channels) == 0 {
		return d.Err("sse_subscribe needs at least one channel")
	}
	return nil
}

func (s *Subscribe) parseGreeting(d *caddyfile.Dispenser) error {
	switch args := d.RemainingArgs(); len(args) {
	case 1:
		s.Greeting = &Greeting{Data: args[0]}
	case 2:
		s.Greeting = &Greeting{Event: args[0], Data: args[1]}
	default:
		return d.Err("greeting takes an event type, which may be left out, and data; quote data with spaces")
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

func parseFormat(d *caddyfile.Dispenser, to *string) func() error {
	return func() error {
		if err := block.Text(d, to)(); err != nil {
			return err
		}
		if _, err := eventstream.ParseFormat(*to); err != nil {
			return d.WrapErr(err)
		}
		return nil
	}
}

// parseHandler reads a directive into its handler.
func parseHandler[H any, P interface {
	*H
	caddyfile.Unmarshaler
	caddyhttp.MiddlewareHandler
}](h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	handler := P(new(H))
	return handler, handler.UnmarshalCaddyfile(h.Dispenser)
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Subscribe)(nil)
	_ caddy.Validator             = (*Subscribe)(nil)
	_ caddyhttp.MiddlewareHandler = (*Subscribe)(nil)
	_ caddyfile.Unmarshaler       = (*Subscribe)(nil)
)
