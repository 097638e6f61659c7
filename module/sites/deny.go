package sites

import (
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// keepsNobodyOut reports whether something that denies comes after the directive,
// for some of its requests: they never get there. What denies all the rest, at the
// end of a site, is as it should be.
func (w way) keepsNobodyOut(methods []string) bool {
	for _, s := range w {
		if isForPart(s.route().MatcherSets) && slices.ContainsFunc(s.after(), denies) {
			return true
		}
		if s.route().Terminal {
			continue
		}
		for _, route := range s.routes[s.at+1:] {
			if s.isApart(route) || !slices.ContainsFunc(route.Handlers, denies) {
				continue
			}
			if slices.ContainsFunc(route.MatcherSets, func(set caddyhttp.MatcherSet) bool { return meets(set, s.route().MatcherSets, methods) }) {
				return true
			}
		}
	}
	return false
}

// denies reports whether a handler is there to keep somebody out.
func denies(handler caddyhttp.MiddlewareHandler) bool {
	isDenial := func(status caddyhttp.WeakString) bool { return status == "401" || status == "403" }
	switch h := handler.(type) {
	case *caddyhttp.StaticResponse:
		return h.Abort || isDenial(h.StatusCode)
	case *caddyhttp.StaticError:
		return isDenial(h.StatusCode)
	case *caddyhttp.Subroute:
		return slices.ContainsFunc(h.Routes, func(r caddyhttp.Route) bool {
			return len(r.MatcherSets) == 0 && slices.ContainsFunc(r.Handlers, denies)
		})
	}
	return false
}

// meets reports whether the set matches requests that others match, too, no matter who
// sends them, as far as that can be told.
func meets(set caddyhttp.MatcherSet, others caddyhttp.MatcherSets, methods []string) bool {
	for _, matcher := range set {
		switch m := matcher.(type) {
		case *caddyhttp.MatchMethod:
			if !share(methods, *m) {
				return false
			}
		case *caddyhttp.MatchPath:
			if !pathsMeet(*m, others) {
				return false
			}
		default:
			if !isAboutClients(m) {
				return false
			}
		}
	}
	return true
}

// isAboutClients reports whether a matcher tells clients apart, not resources.
func isAboutClients(matcher any) bool {
	switch m := matcher.(type) {
	case *caddyhttp.MatchRemoteIP, *caddyhttp.MatchClientIP, *caddyhttp.MatchQuery:
		return true
	case *caddyhttp.MatchHeader:
		_, isAccept := (*m)["Accept"]
		return !isAccept
	case *caddyhttp.MatchNot:
		return !slices.ContainsFunc(m.MatcherSets, func(set caddyhttp.MatcherSet) bool {
			return slices.ContainsFunc(set, func(m any) bool { return !isAboutClients(m) })
		})
	}
	return false
}

// pathsMeet reports whether one of the paths lies within one of the others', or the
// other way round. What has no path has all.
func pathsMeet(paths caddyhttp.MatchPath, others caddyhttp.MatcherSets) bool {
	if len(others) == 0 {
		return true
	}
	return slices.ContainsFunc(others, func(set caddyhttp.MatcherSet) bool {
		theirs := pathsOf(set)
		return theirs == nil || slices.ContainsFunc(theirs, func(their string) bool {
			return slices.ContainsFunc(paths, func(path string) bool { return isWithin(path, their) || isWithin(their, path) })
		})
	})
}

// covers reports whether all requests that the others match are matched by the
// sets, as far as that can be told.
func covers(sets, others caddyhttp.MatcherSets) bool {
	if len(sets) == 0 {
		return true
	}
	if len(others) == 0 {
		return false
	}
	return !slices.ContainsFunc(others, func(other caddyhttp.MatcherSet) bool {
		return !slices.ContainsFunc(sets, func(set caddyhttp.MatcherSet) bool { return coversSet(set, other) })
	})
}

// coversSet is covers for one set each, of which the first has only paths: the same
// of another kind would be written once.
func coversSet(set, other caddyhttp.MatcherSet) bool {
	paths, theirs := pathsOf(set), pathsOf(other)
	if len(set) != 1 || paths == nil || theirs == nil {
		return false
	}
	return !slices.ContainsFunc(theirs, func(their string) bool {
		return !slices.ContainsFunc(paths, func(path string) bool { return isWithin(their, path) })
	})
}

// pathsOf are those that a set asks for; nil if it asks for none.
func pathsOf(set caddyhttp.MatcherSet) []string {
	for _, matcher := range set {
		if paths, ok := matcher.(*caddyhttp.MatchPath); ok {
			return *paths
		}
	}
	return nil
}

// isWithin reports whether all that a pattern of paths matches is matched by the
// wide one, which is the same or ends with its only wildcard.
func isWithin(pattern, wide string) bool {
	pattern, wide = strings.ToLower(pattern), strings.ToLower(wide)
	prefix, isPrefix := strings.CutSuffix(wide, "*")
	return pattern == wide || isPrefix && !strings.ContainsAny(prefix, `*?[\{`) && strings.HasPrefix(pattern, prefix)
}
