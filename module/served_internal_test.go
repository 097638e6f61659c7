package sse

import (
	"net/http"
	"slices"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddytls"
)

// A handler is a module of that ID, and nothing else.
type handler caddy.ModuleID

func (h handler) CaddyModule() caddy.ModuleInfo { return caddy.ModuleInfo{ID: caddy.ModuleID(h)} }

func (handler) ServeHTTP(http.ResponseWriter, *http.Request, caddyhttp.Handler) error { return nil }

// Where somebody may subscribe is logged as URLs, and nothing else.
func TestServedAt(t *testing.T) {
	t.Parallel()
	const subscribe, other = handler("http.handlers.sse_subscribe"), handler("http.handlers.file_server")
	route := func(h caddyhttp.MiddlewareHandler, hosts ...string) caddyhttp.Route {
		r := caddyhttp.Route{Handlers: []caddyhttp.MiddlewareHandler{other, h}}
		if len(hosts) > 0 {
			host := caddyhttp.MatchHost(hosts)
			r.MatcherSets = caddyhttp.MatcherSets{{&host}}
		}
		return r
	}
	sub := func(routes ...caddyhttp.Route) caddyhttp.MiddlewareHandler {
		return &caddyhttp.Subroute{Routes: routes}
	}
	tls := caddytls.ConnectionPolicies{{}}
	for _, c := range []struct {
		server *caddyhttp.Server
		want   []string
	}{
		{&caddyhttp.Server{Listen: []string{":8080"}, Routes: caddyhttp.RouteList{route(subscribe)}}, []string{"http://localhost:8080"}},
		{&caddyhttp.Server{Listen: []string{":8080"}, Routes: caddyhttp.RouteList{route(other)}}, nil},
		{&caddyhttp.Server{Listen: []string{":8080"}}, nil},
		{
			&caddyhttp.Server{Listen: []string{"0.0.0.0:80", "[::1]:80", "tcp/[::]:81"}, Routes: caddyhttp.RouteList{route(sub(route(sub(route(subscribe)))))}},
			[]string{"http://[::1]", "http://localhost", "http://localhost:81"},
		},
		{&caddyhttp.Server{Listen: []string{":443", ":8443"}, TLSConnPolicies: tls, Routes: caddyhttp.RouteList{
			route(sub(route(subscribe), route(subscribe)), "a.example", "b.example"), route(sub(route(other)), "c.example"),
		}}, []string{"https://a.example", "https://a.example:8443", "https://b.example", "https://b.example:8443"}},
		{&caddyhttp.Server{Listen: []string{"unix//run/caddy.sock"}, Routes: caddyhttp.RouteList{route(subscribe)}}, []string{"unix//run/caddy.sock"}},
	} {
		if got := servedAt(&caddyhttp.App{Servers: map[string]*caddyhttp.Server{"a": c.server, "b": {}}}); !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, not %q", c.server.Listen, got, c.want)
		}
	}
}
