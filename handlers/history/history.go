// Package history is the directive sse_history.
package history

import (
	"cmp"
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-sse/caddy-sse/handlers/answer"
	"github.com/caddy-sse/caddy-sse/handlers/page"
	"github.com/caddy-sse/caddy-sse/handlers/request"
	"github.com/caddy-sse/caddy-sse/internal/block"
	"github.com/caddy-sse/caddy-sse/internal/bounds"
	"github.com/caddy-sse/caddy-sse/internal/protocol"
	"github.com/caddy-sse/caddy-sse/module/sites"
)

const (
	// DefaultLimit is how many events a page of the history has at most unless
	// configured.
	DefaultLimit = 100
	// MaxLimit is the most that can be configured.
	MaxLimit = 1000
)

func init() { caddy.RegisterModule(&History{}) }

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
	page.Handler

	// How an entry is read that has no field `data`. `text` (default): its data
	// is empty. `json`: its data is a JSON object of its fields.
	Format string `json:"format,omitempty"`

	// How many events a page has at most, up to 1000. Default: 100.
	Limit int `json:"limit,omitempty"`

	view protocol.View
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
	if err := h.SetUp(ctx); err != nil {
		return err
	}
	h.Limit = cmp.Or(h.Limit, DefaultLimit)
	h.view.Format, _ = protocol.ParseFormat(h.Format) // Validate says what is wrong
	return nil
}

// Validate checks the settings.
func (h *History) Validate() error {
	_, format := protocol.ParseFormat(h.Format)
	return cmp.Or(h.CheckChannel("sse_history"), request.CheckPlaceholders(nil, h.Channel), format, bounds.Number("limit", h.Limit, 1, MaxLimit))
}

func (h *History) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	return h.Serve(w, r, next, func(channel string) error {
		asked, err := parsePage(r.URL.Query(), h.Limit)
		if err != nil {
			return answer.Refuse(w, http.StatusBadRequest, err)
		}
		return h.answer(w, r, &entryReader{archive: h.App.Gateway().Broker, channel: channel}, asked)
	})
}

// UnmarshalCaddyfile sets up the handler from Caddyfile tokens. Syntax:
//
//	sse_history [<matcher>] [<channel>] {
//		channel <name>
//		allow <pattern>...
//		signed <secret>...
//		format text|json
//		limit <n>
//	}
func (h *History) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return h.ParseCaddyfile(d, block.Subdirectives{
		"format": request.FormatSubdirective(d, &h.Format),
		"limit":  block.Number(d, MaxLimit, &h.Limit),
	}, h.Validate)
}

// Interface guards
var (
	_ caddy.Provisioner           = (*History)(nil)
	_ caddy.Validator             = (*History)(nil)
	_ caddyhttp.MiddlewareHandler = (*History)(nil)
	_ caddyfile.Unmarshaler       = (*History)(nil)
	_ sites.Directive             = (*History)(nil)
)
