package admin

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/caddy-sse/caddy-sse/internal/hub"
)

// Channels is a list of them; Count counts those that are not listed, too.
type Channels struct {
	Channels []hub.ChannelStats `json:"channels"`
	Count    int                `json:"count"`
}

// listChannels lists those whose names have a prefix, those with the most
// subscribers first.
func listChannels(w http.ResponseWriter, r *http.Request) error {
	if err := checkQuery(r, "prefix", "limit"); err != nil {
		return err
	}
	limit, err := parseLimit(r)
	if err != nil {
		return err
	}
	prefix := r.URL.Query().Get("prefix")
	all, err := channels(func(name string) bool { return strings.HasPrefix(name, prefix) })
	if err != nil {
		return err
	}
	return answer(w, Channels{all[:min(len(all), limit)], len(all)})
}

// showChannel shows those of a name: one live, one with history, or both.
func showChannel(w http.ResponseWriter, r *http.Request) error {
	name := strings.TrimPrefix(r.URL.Path, "/sse/channels/")
	all, err := channels(func(n string) bool { return n == name })
	if err != nil {
		return err
	}
	if len(all) == 0 {
		return problem(http.StatusNotFound, fmt.Errorf("nobody subscribes to a channel %q here", name))
	}
	return answer(w, Channels{all, len(all)})
}

func channels(wanted func(string) bool) ([]hub.ChannelStats, error) {
	gateways, err := gateways()
	if err != nil {
		return nil, err
	}
	all := []hub.ChannelStats{} // not nil, which JSON calls null
	for _, g := range gateways {
		all = append(all, g.Channels(wanted)...)
	}
	slices.SortFunc(all, func(a, b hub.ChannelStats) int {
		return cmp.Or(cmp.Compare(b.Subscribers, a.Subscribers), cmp.Compare(a.Name, b.Name))
	})
	return all, nil
}
