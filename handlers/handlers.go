// Package handlers has the directives of caddy-sse: importing it registers them, and says
// in which order requests come to them. Each has a folder of its own, with its handler,
// its Caddyfile syntax and its tests; what they share is in request, answer and page.
package handlers

import (
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-sse/caddy-sse/handlers/health"
	"github.com/caddy-sse/caddy-sse/handlers/history"
	"github.com/caddy-sse/caddy-sse/handlers/presence"
	"github.com/caddy-sse/caddy-sse/handlers/publish"
	"github.com/caddy-sse/caddy-sse/handlers/relay"
	"github.com/caddy-sse/caddy-sse/handlers/subscribe"
	"github.com/caddy-sse/caddy-sse/handlers/token"
)

// Each comes right after templates, and so before those that are registered here before
// it. That is before handle and its like, too: a catch-all block would hide it.
func init() {
	register("sse_health", parse[health.Health])
	register("sse_history", parse[history.History])
	register("sse_presence", parse[presence.Presence])
	register("sse_publish", parse[publish.Publish])
	register("sse_relay", parse[relay.Relay])
	register("sse_subscribe", subscribe.Parse)
	// It decides who comes in, as Caddy's own do.
	httpcaddyfile.RegisterHandlerDirective("sse_token", parse[token.Token])
	httpcaddyfile.RegisterDirectiveOrder("sse_token", httpcaddyfile.After, "basic_auth")
}

func register(directive string, parse httpcaddyfile.UnmarshalHandlerFunc) {
	httpcaddyfile.RegisterHandlerDirective(directive, parse)
	httpcaddyfile.RegisterDirectiveOrder(directive, httpcaddyfile.After, "templates")
}

// parse reads a directive into its handler.
func parse[H any, P interface {
	*H
	caddyfile.Unmarshaler
	caddyhttp.MiddlewareHandler
}](h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	handler := P(new(H))
	return handler, handler.UnmarshalCaddyfile(h.Dispenser)
}
