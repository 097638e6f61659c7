package sites

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"
)

// examine says what is odd about a directive at the end of the way. One that never
// runs does nothing, so the rest does not matter.
func (w way) examine(d Directive) (warnings []Warning) {
	name, use := nameOf(d), d.Use()
	warn := func(message string, fields ...zap.Field) {
		if len(use.Channels) > 0 {
			fields = append(fields, zap.Strings("channels", use.Channels))
		}
		warnings = append(warnings, Warning{name + message, fields})
	}
	if by := w.hiddenBy(); by != "" {
		warn(" never runs: what stands before it takes all requests that it is for", zap.String("before", by))
		return warnings
	}
	if !w.hasMatcher() {
		if hidden := w.hides(use.Methods); hidden != "" {
			warn(fmt.Sprintf(" has no matcher, and %s: give it one, such as /live/*", use.Does), zap.String("after", hidden))
		}
	}
	if !use.GoesOn && w.keepsNobodyOut(use.Methods) {
		warn(" runs before a respond, error or abort that is to keep somebody out, and does not: put both into a route, in the order in which they are to run")
	}
	return warnings
}

// hasMatcher reports whether the directive is for a part of a site.
func (w way) hasMatcher() bool {
	return slices.ContainsFunc(w, func(s step) bool { return isForPart(s.route().MatcherSets) })
}

// isForPart reports whether each of the sets asks for more than a site's host.
func isForPart(sets caddyhttp.MatcherSets) bool {
	isMore := func(set caddyhttp.MatcherSet) bool {
		return slices.ContainsFunc(set, func(m any) bool { _, isHost := m.(*caddyhttp.MatchHost); return !isHost })
	}
	return len(sets) > 0 && !slices.ContainsFunc(sets, func(set caddyhttp.MatcherSet) bool { return !isMore(set) })
}

// hides is what comes after a directive without a matcher and would have answered
// requests of these methods; empty if there is nothing. What is answered to all
// that nothing else took, as by `respond 404`, is none.
func (w way) hides(methods []string) string {
	for _, s := range w {
		if hidden := answering(s.after(), methods, false); hidden != "" {
			return hidden
		}
		for _, route := range s.routes[s.at+1:] {
			if s.isApart(route) || isOtherSite(s, route) {
				continue
			}
			if hidden := answering(route.Handlers, methods, isForPart(route.MatcherSets)); hidden != "" {
				return hidden
			}
		}
	}
	return ""
}

// isOtherSite reports whether a route is one for other hosts, or after a site's end.
func isOtherSite(s step, route caddyhttp.Route) bool {
	return s.route().Terminal || len(hostsOf(route)) > 0
}

// passing are handlers that answer nothing themselves.
var passing = []string{
	"authentication", "copy_response", "copy_response_headers", "encode", "headers", "intercept", "invoke", "log_append", "log_level", "log_name",
	"map", "push", "request_body", "rewrite", "templates", "timeouts", "tracing", "vars",
}

// answering is the first of the handlers that answers requests of these methods.
func answering(handlers []caddyhttp.MiddlewareHandler, methods []string, isForPart bool) string {
	for _, handler := range handlers {
		switch h := handler.(type) {
		case *caddyhttp.Subroute:
			for _, route := range h.Routes {
				if name := answering(route.Handlers, methods, isForPart || len(route.MatcherSets) > 0); name != "" {
					return name
				}
			}
		case *caddyhttp.StaticResponse, *caddyhttp.StaticError:
			if isForPart {
				return nameOf(h)
			}
		case Directive:
			if share(methods, h.Use().Methods) {
				return nameOf(h)
			}
		default:
			if name := nameOf(h); !slices.Contains(passing, name) {
				return name
			}
		}
	}
	return ""
}

// share reports whether methods are in both, where none are all.
func share(a, b []string) bool {
	return a == nil || b == nil || slices.ContainsFunc(a, func(method string) bool { return slices.Contains(b, method) })
}

// hiddenBy is what takes all requests before they come to the end of the way; empty
// if nothing does.
func (w way) hiddenBy() string {
	for _, s := range w {
		hidden := ""
		for _, route := range s.routes[:s.at] {
			switch {
			case slices.ContainsFunc(route.Handlers, rewrites):
				hidden = "" // what comes after may be another request
			case hidden != "" || !covers(route.MatcherSets, s.route().MatcherSets):
			case s.isApart(route):
				hidden = nameOfRoute(route)
			default:
				hidden = ending(route.Handlers)
				if hidden == "" && route.Terminal {
					hidden = nameOfRoute(route)
				}
			}
		}
		if hidden == "" {
			hidden = ending(s.before())
		}
		if hidden != "" {
			return hidden
		}
	}
	return ""
}

// nameOfRoute is what it begins with.
func nameOfRoute(route caddyhttp.Route) string {
	if len(route.Handlers) == 0 {
		return "a route without handlers"
	}
	return nameOf(route.Handlers[0])
}

func rewrites(handler caddyhttp.MiddlewareHandler) bool {
	if subroute, ok := handler.(*caddyhttp.Subroute); ok {
		return slices.ContainsFunc(subroute.Routes, func(r caddyhttp.Route) bool { return slices.ContainsFunc(r.Handlers, rewrites) })
	}
	return nameOf(handler) == "rewrite"
}

// ending is the first of the handlers after which nothing comes, whatever the
// request.
func ending(handlers []caddyhttp.MiddlewareHandler) string {
	for _, handler := range handlers {
		switch h := handler.(type) {
		case *caddyhttp.Subroute:
			for _, route := range h.Routes {
				if name := ending(route.Handlers); name != "" && len(route.MatcherSets) == 0 && route.Group == "" {
					return name
				}
			}
		case *caddyhttp.StaticResponse:
			if h.StatusCode != "103" {
				return nameOf(h)
			}
		case *caddyhttp.StaticError:
			return nameOf(h)
		default:
			if name := nameOf(h); slices.Contains([]string{"reverse_proxy", "file_server"}, name) && !mayGoOn(h) {
				return name
			}
		}
	}
	return ""
}

// mayGoOn reports whether a handler of Caddy's is told to leave some requests to the
// next: as forward_auth, which is a reverse_proxy, or with pass_thru.
func mayGoOn(handler caddyhttp.MiddlewareHandler) bool {
	settings, err := json.Marshal(handler)
	return err != nil || bytes.Contains(settings, []byte(`"handle_response":`)) || bytes.Contains(settings, []byte(`"pass_thru":true`))
}
