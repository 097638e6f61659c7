package request

import (
	"errors"
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	sse "github.com/caddy-sse/caddy-sse/module"
)

// ChannelName fills in the placeholders of a channel's name for one request. A
// placeholder that has no value is refused: what is left would be another
// channel, that all such requests share.
func ChannelName(repl *caddy.Replacer, name string) (string, error) {
	filled, err := repl.ReplaceOrErr(name, true, true)
	if err != nil {
		return "", NewRefusal("a part of the channel's name has no value", err)
	}
	return filled, checkFilled(filled)
}

// ChannelNames fills in the placeholders of names for one request; see [ChannelName]. A name
// that is one placeholder of the query alone, as {http.request.uri.query.channel}, is as many
// channels as the request has of that parameter. Each name is there once.
func ChannelNames(r *http.Request, names []string) ([]string, error) {
	repl := Replacer(r)
	var filled []string
	for _, name := range names {
		if values := queryValues(r, name); len(values) > 0 {
			for _, value := range values {
				if err := checkFilled(value); err != nil {
					return nil, err
				}
			}
			filled = append(filled, values...)
			continue
		}
		name, err := ChannelName(repl, name)
		if err != nil {
			return nil, err
		}
		filled = append(filled, name)
	}
	return Once(filled), nil
}

// Once is each name once, in their order.
func Once(names []string) (once []string) {
	seen := make(map[string]bool, len(names))
	for _, name := range names {
		if !seen[name] {
			seen[name] = true
			once = append(once, name)
		}
	}
	return once
}

// queryValues are those of the parameter of the query that a name is, and nothing else.
func queryValues(r *http.Request, name string) []string {
	const prefix = "{http.request.uri.query."
	if !isAlone(name) || !strings.HasPrefix(name, prefix) {
		return nil
	}
	return r.URL.Query()[strings.TrimSuffix(name[len(prefix):], "}")]
}

func checkFilled(name string) error {
	var bad *sse.ChannelError
	if err := sse.CheckChannel(name); errors.As(err, &bad) {
		return NewRefusal(bad.Rule, err)
	}
	return nil
}

// CheckChannelName checks a name as it stands in the configuration, as far as it
// is known before a request.
func CheckChannelName(name string) error {
	if prefix, _, isOpen := strings.Cut(name, "{"); isOpen {
		return sse.CheckChannelPrefix(prefix)
	}
	return sse.CheckChannel(name)
}

// WarnOfNames logs which channels look as if something else was meant. Redis takes
// such names, so that they are no errors.
func WarnOfNames(log *zap.Logger, names ...string) {
	for _, name := range names {
		switch {
		case strings.HasPrefix(name, "/"), strings.HasPrefix(name, "@"):
			log.Warn("a channel looks like a matcher, and is none: a matcher stands first, right after the directive", zap.String("channel", name))
		case strings.Contains(withoutPlaceholders(name), "*"):
			log.Warn("a channel's name holds a *, which is no wildcard here: it is the one channel of just this name", zap.String("channel", name))
		}
	}
}

// WarnOfClientNames logs which channels the client alone names, where nothing says which it
// may.
func WarnOfClientNames(log *zap.Logger, names ...string) {
	for _, name := range names {
		if isOfClient(name) {
			log.Warn("a channel is what the client says, so that anybody may name any: allow says which (allow * for all)", zap.String("channel", name))
		}
	}
}

// withoutPlaceholders is a text without its placeholders.
func withoutPlaceholders(text string) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "{")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		_, text, _ = strings.Cut(rest, "}")
	}
}

// Replacer is what fills in placeholders for a request.
func Replacer(r *http.Request) *caddy.Replacer {
	return r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
}
