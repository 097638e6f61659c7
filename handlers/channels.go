// Package handlers are the HTTP handlers of caddy-sse, one file a directive.
package handlers

import (
	"errors"
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
		return "", &refusal{"a part of the channel's name has no value", err}
	}
	var bad *sse.ChannelError
	if err := sse.CheckChannel(filled); errors.As(err, &bad) {
		return "", &refusal{bad.Rule, err}
	}
	return filled, nil
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
	if prefix, _, isOpen := strings.Cut(name, "{"); isOpen {
		return sse.CheckChannelPrefix(prefix)
	}
	return sse.CheckChannel(name)
}

// checkChannels checks names as they stand in the configuration, each of which
// stands there once.
func checkChannels(names []string) error {
	for i, name := range names {
		if err := checkConfigured(name); err != nil {
			return err
		}
		if slices.Contains(names[:i], name) {
			return fmt.Errorf("channel %s stands here twice", name)
		}
	}
	return nil
}

// parseChannelDirective reads a directive that takes one channel, as an argument
// or as a line of its block, which has these other lines. At the end all is checked.
func parseChannelDirective(d *caddyfile.Dispenser, channel *string, lines block.Subdirectives, check func() error) error {
	d.Next() // the directive's name
	directive := d.Val()
	set := func(name string) error {
		if *channel != "" {
			return d.Errf("%s takes one channel", directive)
		}
		*channel = name
		if err := checkConfigured(name); err != nil {
			return d.WrapErr(err)
		}
		return nil
	}
	for _, name := range d.RemainingArgs() {
		if err := set(name); err != nil {
			return err
		}
	}
	lines["channel"] = func() error {
		var name string
		if err := block.Text(d, &name)(); err != nil {
			return err
		}
		return set(name)
	}
	if err := block.Parse(d, lines); err != nil {
		return err
	}
	if *channel == "" {
		return d.Errf("%s needs a channel", directive)
	}
	if err := check(); err != nil {
		return d.WrapErr(err)
	}
	return nil
}

// theApp is the app that all handlers share.
func theApp(ctx caddy.Context) (*sse.App, error) {
	app, err := ctx.App("sse")
	if err != nil {
		return nil, err
	}
	return app.(*sse.App), nil
}

func replacer(r *http.Request) *caddy.Replacer {
	return r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
}
