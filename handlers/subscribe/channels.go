package subscribe

import (
	"fmt"
	"slices"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-sse/caddy-sse/handlers/request"
)

// channelNames fills in the placeholders of names for one request. Each name is there
// once.
func channelNames(repl *caddy.Replacer, names []string) ([]string, error) {
	filled := make([]string, 0, len(names))
	for _, name := range names {
		name, err := request.ChannelName(repl, name)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(filled, name) {
			filled = append(filled, name)
		}
	}
	return filled, nil
}

// checkChannels checks names as they stand in the configuration, each of which
// stands there once.
func checkChannels(names []string) error {
	for i, name := range names {
		if err := request.CheckChannelName(name); err != nil {
			return err
		}
		if slices.Contains(names[:i], name) {
			return fmt.Errorf("channel %s stands here twice", name)
		}
	}
	return nil
}
