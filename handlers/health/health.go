// Package health is the directive sse_health.
package health

import (
	"net/http"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-sse/caddy-sse/handlers/answer"
	"github.com/caddy-sse/caddy-sse/handlers/request"
	"github.com/caddy-sse/caddy-sse/internal/block"
	sse "github.com/caddy-sse/caddy-sse/module"
	"github.com/caddy-sse/caddy-sse/module/sites"
)

func init() { caddy.RegisterModule(&Health{}) }

// Health answers whether events reach subscribers: 200 while what the gateway
// publishes to itself through Redis, each second, comes back to it, and 503
// otherwise, at most 5 seconds after that has changed. It is 503, too, as long as
// Redis refuses to let histories be read, and at a node of a Redis Cluster.
//
//	{"status":"ok","reasons":[],"redis":{"up":true,"since":"2026-11-24T15:04:05Z","probe_ms":0.41},"subscribers":42}
//
// `warnings` are what is not as it should be, but works all the same: keyspace
// notifications that do not come though they are to. They are left out where there
// are none.
//
// `?live` asks only whether the gateway itself works: Kubernetes should not
// restart Caddy because Redis is away. `?ready` says 503 also as soon as Caddy
// ends, and while no more subscribers are admitted, so that no new clients are
// sent to it.
//
// It answers GET and HEAD requests; all others go on to the next handler.
type Health struct {
	app *sse.App
}

// CaddyModule returns the Caddy module information.
func (*Health) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.handlers.sse_health",
		New: func() caddy.Module { return new(Health) },
	}
}

// Provision sets up the handler.
func (h *Health) Provision(ctx caddy.Context) error {
	var err error
	h.app, err = sse.FromContext(ctx)
	return err
}

// health is what a request is answered.
type health struct {
	Status      string      `json:"status"` // ok or bad
	Reasons     []string    `json:"reasons"`
	Warnings    []string    `json:"warnings,omitempty"`
	Redis       redisHealth `json:"redis"`
	Subscribers int         `json:"subscribers"`
}

type redisHealth struct {
	Up    bool       `json:"up"`
	Since *time.Time `json:"since,omitempty"`
	// Probe is how long the newest probe took.
	Probe float64 `json:"probe_ms,omitempty"`
}

func (h *Health) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) (err error) {
	defer answer.Error(w, r, &err)
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return next.ServeHTTP(w, r)
	}
	if err := request.CheckNoBody(w, r); err != nil {
		return answer.Refuse(w, http.StatusBadRequest, err)
	}
	query := r.URL.Query()
	a := h.examine(query.Has("ready"), query.Has("live"))
	status := http.StatusOK
	if a.Status != "ok" {
		status = http.StatusServiceUnavailable
	}
	return answer.JSON(w, status, a)
}

func (h *Health) examine(ready, live bool) health {
	gateway := h.app.Gateway()
	redis := gateway.Broker.Health()
	a := health{
		Status: "ok", Reasons: []string{},
		Redis:       redisHealth{Up: redis.Up, Probe: float64(redis.RoundTrip.Microseconds()) / 1000},
		Subscribers: gateway.Stats().Subscribers,
	}
	if !redis.Since.IsZero() {
		a.Redis.Since = &redis.Since
	}
	switch {
	case live: // it has just answered
	case redis.Since.IsZero():
		a.Reasons = append(a.Reasons, "redis has not been reached yet")
	case !redis.Up:
		a.Reasons = append(a.Reasons, redis.Problem)
	case redis.Refused != "" && !ready: // who is here is served as before
		a.Reasons = append(a.Reasons, redis.Refused+": new connections to it are refused, while older ones go on")
	}
	if redis.Up && redis.Limited != "" && !live {
		a.Reasons = append(a.Reasons, redis.Limited)
	}
	if why := gateway.Feed.Refused(); why != "" && redis.Up && !live {
		a.Reasons = append(a.Reasons, why)
	}
	if redis.Up && !live {
		a.Warnings = redis.Warnings
	}
	if ready && !live && h.app.IsFull() {
		a.Reasons = append(a.Reasons, "there are as many subscribers as may be")
	}
	if ready && !live && caddy.Exiting() {
		a.Reasons = append(a.Reasons, "caddy ends")
	}
	if len(a.Reasons) > 0 {
		a.Status = "bad"
	}
	return a
}

// Use implements [sites.Directive].
func (*Health) Use() sites.Use {
	return sites.Use{Methods: request.Reading, Does: "takes all GET and HEAD requests from what comes after it"}
}

// UnmarshalCaddyfile sets up the handler from Caddyfile tokens. Syntax:
//
//	sse_health [<matcher>]
func (h *Health) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the directive's name
	if d.CountRemainingArgs() > 0 {
		return d.Err("sse_health takes a matcher at most")
	}
	return block.Parse(d, nil)
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Health)(nil)
	_ caddyhttp.MiddlewareHandler = (*Health)(nil)
	_ caddyfile.Unmarshaler       = (*Health)(nil)
	_ sites.Directive             = (*Health)(nil)
)
