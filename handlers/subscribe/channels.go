package subscribe

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/caddy-sse/caddy-sse/handlers/request"
	"github.com/caddy-sse/caddy-sse/internal/protocol"
)

// mayHave reports why a subscriber may not have these channels.
func (s *Subscribe) mayHave(r *http.Request, channels []string) error {
	most := s.limits.ChannelsPerSubscriber
	if s.History != nil {
		most = min(most, protocol.MaxVector)
		if s.History.All {
			most = 1
		}
	}
	if len(channels) > most {
		return fmt.Errorf("too many channels: there may be %d", most)
	}
	return s.Allow.CheckNames(request.Replacer(r), channels...)
}

// channelsOf are the channels that a request names, each once, all of which it may.
func (s *Subscribe) channelsOf(r *http.Request) (channels []string, err error) {
	if len(s.keys) > 0 {
		channels, err = request.SignedChannels(r, s.keys)
	} else {
		channels, err = request.ChannelNames(r, s.Channels)
	}
	if err != nil {
		return nil, err
	}
	return channels, s.mayHave(r, channels)
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
