// Package request is what directives share of a request: what it accepts and may not
// have, its path, its client, the channels that it names, and the texts in whose
// placeholders its values are filled in; and why one is refused.
package request

import (
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// A Path is what a directive takes from the paths of its requests.
//
// Caddy's matchers see a path cleaned, and decoded; placeholders such as {path.1}
// see it as it was sent; an app that a gate asks, or that answers a from_response,
// parses it in its own way. A request in which they could see different names is
// refused, so that nobody is let in under one name and served under another.
type Path struct {
	isTaken bool // a name or text takes a part of the path
}

// PathIn is what is taken by texts in which placeholders are filled in.
func PathIn(texts ...string) Path {
	for _, text := range texts {
		for _, placeholder := range placeholders.FindAllStringSubmatch(text, -1) {
			if !isApartFromPath(placeholder[1]) {
				return Path{isTaken: true}
			}
		}
	}
	return Path{}
}

var placeholders = regexp.MustCompile(`\{([^{}"\s]+)\}`)

// apartFromPath begin the names of the placeholders that hold nothing of the
// path. Any other may: one of a regular expression, say, or of map or vars.
var apartFromPath = []string{
	"env.", "file.", "system.", "time.", "sse.",
	"http.auth.", "http.reverse_proxy.", "http.request.body", "http.request.cookie.", "http.request.header.",
	"http.request.host", "http.request.local", "http.request.method", "http.request.port", "http.request.proto",
	"http.request.remote", "http.request.scheme", "http.request.tls.", "http.request.uuid",
	"http.request.uri.query", "http.request.uri.prefixed_query",
	"http.request.orig_uri.query", "http.request.orig_uri.prefixed_query",
}

func isApartFromPath(placeholder string) bool {
	for _, prefix := range apartFromPath {
		if strings.HasPrefix(placeholder, prefix) {
			return true
		}
	}
	return false
}

// The reasons for which a path is refused.
var (
	ErrUnclean = errors.New("the path must not hold empty segments, \"/./\" or \"/../\"")
	ErrEncoded = errors.New("the path must not hold a backslash, an encoded slash or \"..;\": a name with a slash goes into the query")
)

// Check reports why a request is refused: its path, as it was sent or as it was
// rewritten, is not what Caddy's cleaning makes of it; or a part of it is taken,
// and it holds what others may take for a slash.
func (p Path) Check(r *http.Request) error {
	if err := p.check(r.URL); err != nil {
		return err
	}
	if sent, ok := r.Context().Value(caddyhttp.OriginalRequestCtxKey).(http.Request); ok && sent.URL != nil {
		return p.check(sent.URL)
	}
	return nil
}

func (p Path) check(u *url.URL) error {
	switch {
	case u.Opaque != "" || u.Path != "" && u.Path != caddyhttp.CleanPath(u.Path, true):
		return ErrUnclean
	case p.isTaken && mayHoldOtherSlashes(u):
		return ErrEncoded
	}
	return nil
}

// mayHoldOtherSlashes reports whether others may split the path elsewhere: at an
// encoded slash, at a backslash, as Windows does, or, since Java's servers drop
// what follows a semicolon, by a "..;".
func mayHoldOtherSlashes(u *url.URL) bool {
	return strings.Contains(u.Path, `\`) ||
		strings.Contains(strings.ToLower(u.RawPath), "%2f") ||
		strings.Contains(u.Path, "/..;") || strings.Contains(u.Path, "/.;")
}
