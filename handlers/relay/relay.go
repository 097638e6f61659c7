// Package relay is the directive sse_relay.
package relay

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unique"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-sse/caddy-sse/handlers/opening"
	"github.com/caddy-sse/caddy-sse/handlers/request"
	"github.com/caddy-sse/caddy-sse/internal/block"
	"github.com/caddy-sse/caddy-sse/internal/bounds"
	"github.com/caddy-sse/caddy-sse/internal/hub"
	"github.com/caddy-sse/caddy-sse/internal/protocol"
	"github.com/caddy-sse/caddy-sse/internal/relay"
	"github.com/caddy-sse/caddy-sse/internal/transport"
	"github.com/caddy-sse/caddy-sse/module/sites"
)

// Defaults.
const (
	DefaultMaxBody   = 1 << 20
	DefaultWindow    = 50 * time.Millisecond
	DefaultMaxEvents = 10_000
	DefaultMaxSize   = 16 << 20
	DefaultTTL       = time.Hour
)

// mostEvents is how many sse_subscribe can replay.
const mostEvents = 100_000

// shortestAbandon is some times as long as a silent run may take to look for readers.
const shortestAbandon = 10 * time.Second

// The words of [Relay.Conflict] and [Relay.From].
const (
	join        = "join"
	refuse      = "refuse"
	fromHead    = "head"
	fromRequest = "request"
)

func init() { caddy.RegisterModule(&Relay{}) }

// Relay keeps an event stream that the next handler, such as `reverse_proxy`, answers: the
// tokens of a model, the steps of an export. The app is read to its end, whether or not
// its client stays; each event becomes an entry of the channel's history, so that a page
// that is loaded again, or another one, gets all of it by an `sse_subscribe` with
// `history all` and `ends`, on any gateway. The client that asked gets the events at once,
// with IDs.
//
// It is for GET requests that accept `text/event-stream`, or anything, and for POST, PUT
// and PATCH; all others go on to the next handler. Only an answer of status 200 with that
// Content-Type, and no Content-Encoding, is relayed. Every other goes to the client as it
// is. If Redis is away when the request comes, the answer is not kept: it has the header
// `Sse-Relay: off`.
//
// The answer is a run, as `ends` of sse_subscribe has it: it begins with an entry
// `sse.start` and ends with one `sse.end`, of reason `done`; `error`, if the app broke it
// off; `stopped`; or `lost`, if its gateway is gone. Events of these types are left out of
// what the app says. The app's own event IDs are the field `uid` of the entries. At
// `done` the client's response ends cleanly; else its connection is broken off, so that half an
// answer is not taken for a whole one.
//
// Anyone who may send the request may read a run that is on. Put the user into the
// channel's name, and the same authentication before this and the subscription.
type Relay struct {
	request.OneChannel

	// How many bytes the request's body may have, which is read whole before the app is
	// asked. More is refused with status 413. Default: 1 MiB. Up to 512 MiB.
	MaxBody int64 `json:"max_body,omitempty"`

	// How many events of an answer are kept. What is more still goes to the client that
	// asked, and no faster than it takes it; to all others the run ends as `error`.
	// Default: 10,000. Up to 100,000, which is the most that can be replayed.
	MaxEvents int `json:"max_events,omitempty"`

	// How many bytes of an answer are kept, in the same way. Default: 16 MiB. From 1 KiB
	// to 1 TiB.
	MaxSize int64 `json:"max_size,omitempty"`

	// How long after its last event an answer is kept. Default: 1h. From 1m to 365 days.
	TTL caddy.Duration `json:"ttl,omitempty"`

	// How long an event waits for others, up to 32, before they are stored together. The
	// client that asked waits for none of it. Default: 50ms. From 1ms to 1s.
	Window caddy.Duration `json:"window,omitempty"`

	// What a request gets that comes while a run of its channel is on. `join` (default):
	// that run, from its beginning, and the app is not asked. `refuse`: status 409.
	Conflict string `json:"conflict,omitempty"`

	// From when on the app goes on without its client. `head` (default): from when its
	// answer begins; a client that leaves earlier ends the request. `request`: at once.
	From string `json:"from,omitempty"`

	// After how long without anybody who reads an answer, on any gateway, it ends as
	// `stopped`, and the app's request with it: a gateway counts as long as the channel
	// lingers there. Default: never. From 10s to 24h.
	Abandon caddy.Duration `json:"abandon,omitempty"`

	// The URL at which the run can be subscribed to, for the header `Location` of what is
	// relayed: some clients come back there. Placeholders are filled in, those that begin
	// with `sse.` encoded for a path. Default: none.
	Resume string `json:"resume,omitempty"`

	options   *transport.Options
	run       relay.Options
	retry     time.Duration
	ends      unique.Handle[protocol.Ends]
	http3     opening.HTTP3Server
	takesJSON bool
}

// CaddyModule returns the Caddy module information.
func (*Relay) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.handlers.sse_relay",
		New: func() caddy.Module { return new(Relay) },
	}
}

// Provision sets up the handler.
func (h *Relay) Provision(ctx caddy.Context) error {
	if err := h.SetUp(ctx, h.Resume); err != nil {
		return err
	}
	h.MaxBody = cmp.Or(h.MaxBody, DefaultMaxBody)
	h.run = relay.Options{
		Window:    time.Duration(cmp.Or(h.Window, caddy.Duration(DefaultWindow))),
		TTL:       time.Duration(cmp.Or(h.TTL, caddy.Duration(DefaultTTL))),
		MaxEvents: cmp.Or(h.MaxEvents, DefaultMaxEvents),
		MaxSize:   cmp.Or(h.MaxSize, DefaultMaxSize),
		Abandon:   time.Duration(h.Abandon),
	}
	h.retry = time.Duration(h.App.Retry)
	h.options = &transport.Options{
		Heartbeat:    max(0, time.Duration(h.App.Heartbeat)),
		Retry:        h.retry,
		Pending:      int(h.App.Pending),
		WriteTimeout: time.Duration(h.App.WriteTimeout),
		Written:      h.App.Gateway().Written(),
		IsWhole:      hub.IsWhole,
	}
	h.ends = unique.Make(protocol.Ends{})
	h.takesJSON = strings.Contains(h.Channel+h.Resume, "{"+request.RequestJSON)
	if server, ok := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server); ok {
		transport.Prepare(server)
		server.RegisterOnShutdown(opening.EndOnExit(h.App))
	}
	return nil
}

// Validate checks the settings.
func (h *Relay) Validate() error { return cmp.Or(h.CheckChannel("sse_relay"), h.check()) }

// check checks the settings besides the channel's name.
func (h *Relay) check() error {
	if err := cmp.Or(
		request.CheckPlaceholders([]string{request.RequestJSON, request.RelayID}, h.Channel, h.Resume),
		bounds.Size("max_body", h.MaxBody, 1, bounds.LargestPayload),
		bounds.Number("max_events", h.MaxEvents, 1, mostEvents),
		bounds.Size("max_size", h.MaxSize, 1<<10, bounds.Largest),
		bounds.Duration("ttl", h.TTL, time.Minute, bounds.Forever),
		bounds.Duration("abandon", h.Abandon, shortestAbandon, bounds.Longest),
		bounds.Duration("window", h.Window, time.Millisecond, time.Second),
	); err != nil {
		return err
	}
	switch cmp.Or(h.Conflict, join) {
	case join, refuse:
	default:
		return fmt.Errorf("conflict is join or refuse, not %q", h.Conflict)
	}
	switch cmp.Or(h.From, fromHead) {
	case fromHead, fromRequest:
	default:
		return fmt.Errorf("from is head or request, not %q", h.From)
	}
	if strings.ContainsAny(h.Resume, "\r\n") {
		return errors.New("resume is a URL, which must not hold a line end")
	}
	return nil
}

// Use implements [sites.Directive].
func (h *Relay) Use() sites.Use {
	return sites.Use{
		Channels: []string{h.Channel}, Methods: methods, GoesOn: true,
		Does: "asks Redis at each POST, PUT and PATCH request, and at each GET request that accepts text/event-stream, or anything, before the app is asked",
	}
}

// methods are those of the requests whose answers may be relayed.
var methods = []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch}

// UnmarshalCaddyfile sets up the handler from Caddyfile tokens. Syntax:
//
//	sse_relay [<matcher>] [<channel>] {
//		channel <name>
//		allow <pattern>...
//		max_body <size>
//		max_events <n>
//		max_size <size>
//		ttl <duration>
//		window <duration>
//		conflict join|refuse
//		from head|request
//		abandon <duration>
//		resume <url>
//	}
func (h *Relay) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return h.ParseCaddyfile(d, block.Subdirectives{
		"max_body":   block.Size(d, &h.MaxBody),
		"max_events": block.Number(d, mostEvents, &h.MaxEvents),
		"max_size":   block.Size(d, &h.MaxSize),
		"ttl":        block.Duration(d, &h.TTL),
		"window":     block.Duration(d, &h.Window),
		"conflict":   block.Text(d, &h.Conflict),
		"from":       block.Text(d, &h.From),
		"abandon":    block.Duration(d, &h.Abandon),
		"resume":     block.Text(d, &h.Resume),
	}.CheckedBy(d, h.check), h.check)
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Relay)(nil)
	_ caddy.Validator             = (*Relay)(nil)
	_ caddyhttp.MiddlewareHandler = (*Relay)(nil)
	_ caddyfile.Unmarshaler       = (*Relay)(nil)
	_ sites.Directive             = (*Relay)(nil)
)
