// Package sites looks at where directives stand in the sites, for what was hardly
// meant: it is no mistake that Caddy or a directive could refuse, since it may be
// meant all the same.
package sites

import (
	"maps"
	"slices"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"
)

// A Directive is a handler that is looked at.
type Directive interface {
	caddy.Module
	caddyhttp.MiddlewareHandler
	Use() Use
}

// A Use is what a directive does where it stands.
type Use struct {
	// Channels are its own, by which it is told from others.
	Channels []string
	// Methods are those of the requests that it is for; none: all.
	Methods []string
	// GoesOn: the next handler runs all the same.
	GoesOn bool
	// Does says what it does without a matcher, as in "takes all requests".
	Does string
}

// A Warning is one of a directive.
type Warning struct {
	Message string
	Fields  []zap.Field
}

// Examine looks at all sites, whose modules have been provisioned. It is for the
// start: it reads what others change while Caddy provisions.
func Examine(app *caddyhttp.App) (warnings []Warning) {
	for _, name := range slices.Sorted(maps.Keys(app.Servers)) {
		server := app.Servers[name]
		walk(server.Routes, nil, func(handler caddyhttp.MiddlewareHandler, way way) {
			d, isOurs := handler.(Directive)
			if !isOurs {
				return
			}
			for _, w := range way.examine(d) {
				w.Fields = append(w.Fields, zap.Strings("site", way.site(server)))
				warnings = append(warnings, w)
			}
		})
	}
	return warnings
}

// Hosts are those of the sites that have a handler with that ID, once for each. A site
// without a host is "".
func Hosts(routes caddyhttp.RouteList, id caddy.ModuleID) (hosts []string) {
	walk(routes, nil, func(handler caddyhttp.MiddlewareHandler, way way) {
		if module, ok := handler.(caddy.Module); ok && module.CaddyModule().ID == id {
			hosts = append(hosts, way.hosts()...)
		}
	})
	return hosts
}

// A step is one on the way of a request to a directive: a route of several, and
// one of its handlers, which is the directive or has further routes.
type step struct {
	routes      caddyhttp.RouteList
	at, handler int
}

func (s step) route() caddyhttp.Route { return s.routes[s.at] }

// before are the handlers of the route that come before.
func (s step) before() []caddyhttp.MiddlewareHandler { return s.route().Handlers[:s.handler] }

// after are the handlers of the route that come after.
func (s step) after() []caddyhttp.MiddlewareHandler { return s.route().Handlers[s.handler+1:] }

// isApart reports whether a request that takes the step takes no other route: only
// the first that matches of a group is taken, as of several `handle`s.
func (s step) isApart(other caddyhttp.Route) bool {
	return other.Group != "" && other.Group == s.route().Group
}

// A way is all steps to a handler, from the server's routes on.
type way []step

// walk visits all handlers of the routes that have no further routes, with the way to
// each.
func walk(routes caddyhttp.RouteList, to way, visit func(caddyhttp.MiddlewareHandler, way)) {
	for i, route := range routes {
		for j, handler := range route.Handlers {
			here := append(slices.Clip(to), step{routes, i, j})
			if h, ok := handler.(*caddyhttp.Subroute); ok {
				walk(h.Routes, here, visit)
			} else {
				visit(handler, here)
			}
		}
	}
}

// site is where the way begins: the hosts, or what the server listens to.
func (w way) site(server *caddyhttp.Server) []string {
	if hosts := hostsOf(w[0].route()); len(hosts) > 0 {
		return hosts
	}
	return server.Listen
}

// hosts are those of the outermost step that has some, or "".
func (w way) hosts() []string {
	for _, s := range w {
		if hosts := hostsOf(s.route()); len(hosts) > 0 {
			return hosts
		}
	}
	return []string{""}
}

func hostsOf(route caddyhttp.Route) (hosts []string) {
	for _, set := range route.MatcherSets {
		for _, matcher := range set {
			if host, ok := matcher.(*caddyhttp.MatchHost); ok {
				hosts = append(hosts, *host...)
			}
		}
	}
	return hosts
}

// nameOf is a handler's name, as JSON has it.
func nameOf(handler any) string {
	if module, ok := handler.(caddy.Module); ok {
		return module.CaddyModule().ID.Name()
	}
	return ""
}
