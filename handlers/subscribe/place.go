package subscribe

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// placeOf says where the handler stands that is being provisioned: the addresses of
// its server, and on the way to it the matchers of each route, and the handlers
// that hold others. What is added or removed elsewhere in the configuration does
// not change it. Handlers may share one, as two do that have no matchers.
func placeOf(ctx caddy.Context) string {
	var way []string
	if server, ok := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server); ok {
		addresses := slices.Clone(server.Listen)
		slices.Sort(addresses)
		way = append(way, addresses...)
		way = append(way, wayThrough(server.Routes, server.Errors))
	}
	for _, module := range ctx.Modules() {
		way = append(way, string(module.CaddyModule().ID))
		if subroute, ok := module.(*caddyhttp.Subroute); ok {
			way = append(way, wayThrough(subroute.Routes, subroute.Errors))
		}
	}
	return strings.Join(way, "\n")
}

// wayThrough is what a request has to match that goes through the route which is
// being provisioned: the first whose handlers are still as they were configured.
// It is empty if that is none of these.
func wayThrough(routes caddyhttp.RouteList, errors *caddyhttp.HTTPErrorConfig) string {
	isDue := func(r caddyhttp.Route) bool { return r.HandlersRaw != nil }
	if i := slices.IndexFunc(routes, isDue); i >= 0 {
		return textOfSets(routes[i].MatcherSets)
	}
	if errors != nil {
		if i := slices.IndexFunc(errors.Routes, isDue); i >= 0 {
			return "errors " + textOfSets(errors.Routes[i].MatcherSets)
		}
	}
	return ""
}

// textOfSets is the same for the same matchers, whose order in a set is by chance.
func textOfSets(sets []caddyhttp.MatcherSet) string {
	texts := make([]string, len(sets))
	for i, set := range sets {
		all := make([]string, len(set))
		for j, matcher := range set {
			all[j] = textOfMatcher(matcher)
		}
		slices.Sort(all)
		texts[i] = strings.Join(all, " and ")
	}
	return strings.Join(texts, " or ")
}

// textOfMatcher is its name and its JSON, as far as it has some.
func textOfMatcher(matcher any) string {
	name := ""
	if module, ok := matcher.(caddy.Module); ok {
		name = string(module.CaddyModule().ID)
	}
	if not, ok := matcher.(*caddyhttp.MatchNot); ok { // its JSON is gone once it is provisioned
		return name + "(" + textOfSets(not.MatcherSets) + ")"
	}
	settings, _ := json.Marshal(matcher) // without it, equal names are told apart by their order
	return name + string(settings)
}
