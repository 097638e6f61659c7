// Package handlers are the HTTP handlers of caddy-sse, one file a directive.
package handlers

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-sse/caddy-sse/internal/block"
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

// parseOneChannel reads the arguments of a directive that takes one channel, and
// returns what reads the line channel of its block.
func parseOneChannel(d *caddyfile.Dispenser, directive string, to *string) (line func() error, err error) {
	set := func(name string) error {
		if *to != "" {
			return d.Errf("%s takes one channel", directive)
		}
		*to = name
		if err := checkConfigured(name); err != nil {
			return d.WrapErr(err)
		}
		return nil
	}
	for _, name := range d.RemainingArgs() {
		if err := set(name); err != nil {
			return nil, err
		}
	}
	return func() error {
		var name string
		if err := block.Text(d, &name)(); err != nil {
			return err
		}
		return set(name)
	}, nil
}

func replacer(r *http.Request) *caddy.Replacer {
	return r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
}
