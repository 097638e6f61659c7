package handlers

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-sse/caddy-sse/handlers/request"
	"github.com/caddy-sse/caddy-sse/internal/block"
	"github.com/caddy-sse/caddy-sse/internal/bounds"
	"github.com/caddy-sse/caddy-sse/internal/presence"
	sse "github.com/caddy-sse/caddy-sse/module"
)

const (
	// DefaultMembers is how many members are listed at most unless configured.
	DefaultMembers = 1000
	// MaxMembers is the most that can be configured.
	MaxMembers = 100_000
)

func init() {
	caddy.RegisterModule(&Presence{})
	httpcaddyfile.RegisterHandlerDirective("sse_presence", parseHandler[Presence])
	httpcaddyfile.RegisterDirectiveOrder("sse_presence", httpcaddyfile.After, "templates")
}

// Presence answers a request with the members of a channel: the subscribers whose
// sse_subscribe has `presence`, on all gateways.
//
//	{"members":[{"id":"7","since":"2026-11-24T15:04:05.123Z","info":{"name":"Ann"}}],"count":1}
//
// Those who came first are at the front; `info` is left out if there is none, and
// `count` counts all, though not all may be listed.
//
// It answers GET and HEAD requests that accept `application/json` by name, or
// that accept anything; all others go on to the next handler.
//
// Anyone who may send the request may see who is there: put authentication in front.
//
// Errors: 400 for a bad channel name, 500 if Redis denies it, 503 with
// Retry-After while Redis is away. They go through Caddy's error handling; the
// header Sse-Error says what is wrong.
type Presence struct {
	// The channel; see sse_subscribe for names and placeholders.
	Channel string `json:"channel,omitempty"`

	// How many members are listed at most, up to 100,000. Default: 1000.
	Limit int `json:"limit,omitempty"`

	app *sse.App
}

// CaddyModule returns the Caddy module information.
func (*Presence) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.handlers.sse_presence",
		New: func() caddy.Module { return new(Presence) },
	}
}

// Provision sets up the handler.
func (p *Presence) Provision(ctx caddy.Context) error {
	var err error
	if p.app, err = theApp(ctx); err != nil {
		return err
	}
	warnOfNames(ctx.Logger(), p.Channel)
	p.Limit = cmp.Or(p.Limit, DefaultMembers)
	return nil
}

// Validate checks the settings.
func (p *Presence) Validate() error {
	if p.Channel == "" {
		return errors.New("sse_presence needs a channel")
	}
	return p.check()
}

func (p *Presence) check() error {
	return cmp.Or(checkConfigured(p.Channel), checkPlaceholders(nil, p.Channel), bounds.Number("limit", p.Limit, 1, MaxMembers))
}

func (p *Presence) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) (err error) {
	defer answerRefusal(w, r, &err)
	if !asksForJSON(r) {
		return next.ServeHTTP(w, r)
	}
	w.Header().Add("Vary", "Accept")
	if err := request.CheckNoBody(w, r); err != nil {
		return refuse(w, http.StatusBadRequest, err)
	}
	if err := request.PathIn(p.Channel).Check(r); err != nil {
		return refuse(w, http.StatusBadRequest, err)
	}
	channel, err := channelName(replacer(r), p.Channel)
	if err != nil {
		return refuse(w, http.StatusBadRequest, err)
	}
	hold, err := newHold(r.Context())
	defer hold.release()
	if err != nil {
		return refuse(w, http.StatusServiceUnavailable, err)
	}
	var list *presence.List
	var members []presence.Member
	err = hold.read(r.Context(), func() (err error) {
		if list, err = p.app.Gateway().Presence.List(r.Context(), channel, p.Limit); err == nil {
			members, err = list.Members(r.Context())
		}
		return err
	})
	switch {
	case errors.Is(err, errPagesBusy):
		return refuse(w, http.StatusServiceUnavailable, err)
	case err != nil:
		return explain(w, redisError("reading who is there", channel, err))
	}
	out := newPageWriter(w)
	_, _ = out.WriteString(`{"members":[`)
	for n := 0; len(members) > 0; {
		for _, m := range members {
			if n++; n > 1 {
				_ = out.WriteByte(',')
			}
			b, err := json.Marshal(m)
			if err != nil { // its info is none
				m.Info = nil
				b, _ = json.Marshal(m)
			}
			_, _ = out.Write(b)
		}
		if out.Flush() != nil {
			return nil // the client has left, or takes nothing
		}
		if members, err = list.Members(r.Context()); err != nil {
			out.abandon()
		}
	}
	fmt.Fprintf(out, `],"count":%d}`, list.Count)
	_ = out.end() // the client has left
	return nil
}

// UnmarshalCaddyfile sets up the handler from Caddyfile tokens. Syntax:
//
//	sse_presence [<matcher>] [<channel>] {
//		channel <name>
//		limit <n>
//	}
func (p *Presence) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return parseChannelDirective(d, &p.Channel, block.Subdirectives{
		"limit": block.Number(d, MaxMembers, &p.Limit),
	}, p.check)
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Presence)(nil)
	_ caddy.Validator             = (*Presence)(nil)
	_ caddyhttp.MiddlewareHandler = (*Presence)(nil)
	_ caddyfile.Unmarshaler       = (*Presence)(nil)
)
