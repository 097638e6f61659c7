// Package handlers are the HTTP handlers of caddy-sse, one file a directive.
package handlers

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"

	sse "github.com/caddy-sse/caddy-sse/module"
)

// channelName fills in the placeholders of a channel's name for one request. A
// placeholder that has no value is refused: what is left would be another
// channel, that all such requests share.
func channelName(repl *caddy.Replacer, name string) (string, error) {
	filled, err := repl.ReplaceOrErr(name, true, true)
	if err != nil {
		return "", fmt.Errorf("a part of the channel's name has no value: %w", err)
	}
	return filled, sse.CheckChannel(filled)
}

// channelNames are those of several, each once.
func channelNames(repl *caddy.Replacer, names []string) ([]string, error) {
	filled := make([]string, 0, len(names))
	for _, name := range names {
		name, err := channelName(repl, name)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(filled, name) {
			filled = append(filled, name)
		}
	}
	return filled, nil
}

// checkConfigured checks a name as it stands in the configuration, as far as it
// is known before a request.
func checkConfigured(name string) error {
	if strings.Contains(name, "{") {
		return nil
	}
	return sse.CheckChannel(name)
}

func replacer(r *http.Request) *caddy.Replacer {
	return r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
}
