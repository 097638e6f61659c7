package request

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-sse/caddy-sse/internal/pattern"
)

// Allow says which channels a request may name, by patterns, in which a `*` stands for any
// characters. Placeholders are filled in for each request, and what is filled into a pattern
// is literal; an argument that is one placeholder alone is a list of patterns, with spaces
// between, as a token's claim that is a list. Without any, all channels are allowed.
type Allow []string

// ErrNotAllowed says that a request names a channel that no pattern matches.
var ErrNotAllowed = NewRefusal("a channel that is asked for is not among those that are allowed", nil)

// StatusOf is the status with which a request is refused for what it asks for: 403 if it may
// not, else 400.
func StatusOf(err error) int {
	for _, forbidden := range []error{ErrNotAllowed, errSignature, errSignatureOver} {
		if errors.Is(err, forbidden) {
			return http.StatusForbidden
		}
	}
	return http.StatusBadRequest
}

var placeholder = regexp.MustCompile(`\{[^{}]+\}`)

// ofClient begins the placeholders that a client alone decides.
var ofClient = []string{"http.request.uri", "http.request.orig_uri", "http.request.cookie.", "http.request.body"}

// isOfClient reports whether the text is one placeholder alone that a client decides.
func isOfClient(text string) bool {
	return isAlone(text) && slices.ContainsFunc(ofClient, func(prefix string) bool { return strings.HasPrefix(text[1:], prefix) })
}

// isAlone reports whether the text is one placeholder and nothing else.
func isAlone(text string) bool { return placeholder.FindString(text) == text && text != "" }

// Check checks the patterns as they stand in the configuration.
func (a Allow) Check() error {
	for _, text := range a {
		switch {
		case text == "":
			return errors.New("allow: a pattern is empty: leave it out")
		case isOfClient(text):
			return fmt.Errorf("allow: %s is what the client says, and would allow it everything: write a pattern around it, or take it from a token or a gate", text)
		}
	}
	return nil
}

// ParseAllow reads the subdirective allow, which may stand there more than once.
func ParseAllow(d *caddyfile.Dispenser, to *Allow) func() error {
	return func() error {
		args := d.RemainingArgs()
		if len(args) == 0 {
			return d.Err("allow needs a pattern, like chat:*")
		}
		*to = append(*to, args...)
		if err := Allow(args).Check(); err != nil {
			return d.WrapErr(err)
		}
		return nil
	}
}

// CheckNames reports [ErrNotAllowed] if no pattern matches one of the names. A pattern of
// which a placeholder has no value matches none.
func (a Allow) CheckNames(repl *caddy.Replacer, names ...string) error {
	if len(a) == 0 {
		return nil
	}
	var patterns []pattern.Pattern
	for _, text := range a {
		patterns = append(patterns, fillPattern(repl, text)...)
	}
	for _, name := range names {
		if !slices.ContainsFunc(patterns, func(p pattern.Pattern) bool { return p.Match(name) }) {
			return ErrNotAllowed
		}
	}
	return nil
}

// fillPattern is what an argument of allow stands for.
func fillPattern(repl *caddy.Replacer, text string) (all []pattern.Pattern) {
	if isAlone(text) {
		for _, field := range strings.Fields(valueOf(repl, text)) {
			all = append(all, pattern.Parse(field))
		}
		return all
	}
	filled, from := pattern.Pattern{""}, 0
	for _, at := range placeholder.FindAllStringIndex(text, -1) {
		value := valueOf(repl, text[at[0]:at[1]])
		if value == "" {
			return nil
		}
		filled = filled.Join(pattern.Parse(text[from:at[0]])).Append(value)
		from = at[1]
	}
	return []pattern.Pattern{filled.Join(pattern.Parse(text[from:]))}
}

func valueOf(repl *caddy.Replacer, placeholder string) string {
	value, _ := repl.Get(placeholder[1 : len(placeholder)-1])
	return caddy.ToString(value)
}
