package handlers

import (
	"cmp"
	"errors"
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-sse/caddy-sse/handlers/request"
	"github.com/caddy-sse/caddy-sse/internal/block"
	"github.com/caddy-sse/caddy-sse/internal/bounds"
	"github.com/caddy-sse/caddy-sse/internal/eventstream"
	sse "github.com/caddy-sse/caddy-sse/module"
)

const (
	// DefaultLimit is how many events a page of the history has at most unless
	// configured.
	DefaultLimit = 100
	// MaxLimit is the most that can be configured.
	MaxLimit = 1000
)

func init() {
	caddy.RegisterModule(&History{})
	httpcaddyfile.RegisterHandlerDirective("sse_history", parseHandler[History])
	httpcaddyfile.RegisterDirectiveOrder("sse_history", httpcaddyfile.After, "templates")
}

// History answers a request with a page of a channel's history, which is the
// Redis stream of the channel's name:
//
//	{"events":[{"id":"1700000000000-0","event":"like","data":"…","time":"2023-11-14T22:13:20.000Z"}],"next":""}
//
// The events are in the order of time. Each has what an EventSource would get,
// `data` always as a string; `event` is left out if the event has no type, and
// `time`, which is made of the ID, if it is past the year 9999.
//
// Without parameters it is the newest events. With `?before=<id>` it is the
// newest before that one, with `?after=<id>` the oldest after it, with both the
// newest in between; neither event is in the page. IDs may be short, as Redis takes
// them: `1700000000000` is `1700000000000-0`. `?limit=<n>` makes the page
// smaller, and so do events of 1 MiB together, of which there is always one. To go
// on in the same direction, `next` is the next `before`, or the next `after` if only
// that was given; it is empty when there is no more.
//
// It answers GET and HEAD requests that accept `application/json` by name, or
// that accept anything; all others go on to the next handler.
//
// Anyone who may send the request may read the history: put authentication in
// front.
//
// Errors: 400 for a bad channel name or parameter, 500 if Redis denies it or
// keeps something else under the channel's name, 503 with Retry-After while
// Redis is away, or while too many pages are under way. They go through Caddy's error handling; the header Sse-Error
// says what is wrong.
type History struct {
	// The channel; see sse_subscribe for names and placeholders.
	Channel string `json:"channel,omitempty"`

	// How an entry is read that has no field `data`. `text` (default): its data
	// is empty. `json`: its data is a JSON object of its fields.
	Format string `json:"format,omitempty"`

	// How many events a page has at most, up to 1000. Default: 100.
	Limit int `json:"limit,omitempty"`

	app  *sse.App
	view eventstream.View
}

// CaddyModule returns the Caddy module information.
func (*History) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.handlers.sse_history",
		New: func() caddy.Module { return new(History) },
	}
}

// Provision sets up the handler.
func (h *History) Provision(ctx caddy.Context) error {
	var err error
	if h.app, err = theApp(ctx); err != nil {
		return err
	}
	warnOfNames(ctx.Logger(), h.Channel)
	h.Limit = cmp.Or(h.Limit, DefaultLimit)
	h.view.Format, _ = eventstream.ParseFormat(h.Format) // Validate says what is wrong
	return nil
}

// Validate checks the settings.
func (h *History) Validate() error {
	if h.Channel == "" {
		return errors.New("sse_history needs a channel")
	}
	return h.check()
}

func (h *History) check() error {
	_, format := eventstream.ParseFormat(h.Format)
	return cmp.Or(checkConfigured(h.Channel), checkPlaceholders(nil, h.Channel), format, bounds.Number("limit", h.Limit, 1, MaxLimit))
}

func (h *History) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) (err error) {
	defer answerRefusal(w, r, &err)
	if !asksForJSON(r) {
		return next.ServeHTTP(w, r)
	}
	w.Header().Add("Vary", "Accept")
	if err := request.CheckNoBody(w, r); err != nil {
		return refuse(w, http.StatusBadRequest, err)
	}
	if err := request.PathIn(h.Channel).Check(r); err != nil {
		return refuse(w, http.StatusBadRequest, err)
	}
	channel, err := channelName(replacer(r), h.Channel)
	if err != nil {
		return refuse(w, http.StatusBadRequest, err)
	}
	page, err := parsePage(r.URL.Query(), h.Limit)
	if err != nil {
		return refuse(w, http.StatusBadRequest, err)
	}
	return h.answer(w, r, &entryReader{bus: h.app.Gateway().Bus, channel: channel}, page)
}

// UnmarshalCaddyfile sets up the handler from Caddyfile tokens. Syntax:
//
//	sse_history [<matcher>] [<channel>] {
//		channel <name>
//		format text|json
//		limit <n>
//	}
func (h *History) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return parseChannelDirective(d, &h.Channel, block.Subdirectives{
		"format": parseFormat(d, &h.Format),
		"limit":  block.Number(d, MaxLimit, &h.Limit),
	}, h.check)
}

// Interface guards
var (
	_ caddy.Provisioner           = (*History)(nil)
	_ caddy.Validator             = (*History)(nil)
	_ caddyhttp.MiddlewareHandler = (*History)(nil)
	_ caddyfile.Unmarshaler       = (*History)(nil)
)
