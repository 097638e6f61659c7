// Package presence is the directive sse_presence. Members are what the subdirective
// presence of sse_subscribe makes.
package presence

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-sse/caddy-sse/handlers/answer"
	"github.com/caddy-sse/caddy-sse/handlers/page"
	"github.com/caddy-sse/caddy-sse/handlers/request"
	"github.com/caddy-sse/caddy-sse/internal/block"
	"github.com/caddy-sse/caddy-sse/internal/bounds"
	members "github.com/caddy-sse/caddy-sse/internal/presence"
	"github.com/caddy-sse/caddy-sse/module/sites"
)

const (
	// DefaultMembers is how many members are listed at most unless configured.
	DefaultMembers = 1000
	// MaxMembers is the most that can be configured.
	MaxMembers = 100_000
)

func init() { caddy.RegisterModule(&Presence{}) }

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
	page.Handler

	// How many members are listed at most, up to 100,000. Default: 1000.
	Limit int `json:"limit,omitempty"`
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
	if err := p.SetUp(ctx); err != nil {
		return err
	}
	p.Limit = cmp.Or(p.Limit, DefaultMembers)
	return nil
}

// Validate checks the settings.
func (p *Presence) Validate() error {
	return cmp.Or(p.CheckChannel("sse_presence"), request.CheckPlaceholders(nil, p.Channel), bounds.Number("limit", p.Limit, 1, MaxMembers))
}

func (p *Presence) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	return p.Serve(w, r, next, func(channel string) error { return p.answer(w, r, channel) })
}

// answer writes the members of a channel, batch by batch.
func (p *Presence) answer(w http.ResponseWriter, r *http.Request, channel string) error {
	hold, err := page.NewHold(r.Context())
	defer hold.Release()
	if err != nil {
		return answer.Refuse(w, http.StatusServiceUnavailable, err)
	}
	var list *members.List
	var batch []members.Member
	err = hold.Read(r.Context(), func() (err error) {
		if list, err = p.App.Gateway().Presence.List(r.Context(), channel, p.Limit); err == nil {
			batch, err = list.Members(r.Context())
		}
		return err
	})
	switch {
	case errors.Is(err, page.ErrBusy):
		return answer.Refuse(w, http.StatusServiceUnavailable, err)
	case err != nil:
		return answer.Explain(w, answer.RedisError("reading who is there", channel, err))
	}
	out := page.NewWriter(w)
	_, _ = out.WriteString(`{"members":[`)
	for n := 0; len(batch) > 0; {
		for _, m := range batch {
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
		if batch, err = list.Members(r.Context()); err != nil {
			out.Abandon()
		}
	}
	fmt.Fprintf(out, `],"count":%d}`, list.Count)
	_ = out.End() // the client has left
	return nil
}

// UnmarshalCaddyfile sets up the handler from Caddyfile tokens. Syntax:
//
//	sse_presence [<matcher>] [<channel>] {
//		channel <name>
//		allow <pattern>...
//		signed <secret>...
//		limit <n>
//	}
func (p *Presence) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return p.ParseCaddyfile(d, block.Subdirectives{
		"limit": block.Number(d, MaxMembers, &p.Limit),
	}, p.Validate)
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Presence)(nil)
	_ caddy.Validator             = (*Presence)(nil)
	_ caddyhttp.MiddlewareHandler = (*Presence)(nil)
	_ caddyfile.Unmarshaler       = (*Presence)(nil)
	_ sites.Directive             = (*Presence)(nil)
)
