package admin

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-sse/caddy-sse/internal/gateway"
	"github.com/caddy-sse/caddy-sse/internal/limits"
)

// Subscribers is a list of them; Count counts those that are not listed, too.
type Subscribers struct {
	Subscribers []gateway.SubscriberInfo `json:"subscribers"`
	Count       int                      `json:"count"`
}

// Closed is how many subscribers were closed.
type Closed struct {
	Closed int `json:"closed"`
}

func subscribers(w http.ResponseWriter, r *http.Request) error {
	switch r.Method {
	case http.MethodGet:
		return listSubscribers(w, r)
	case http.MethodDelete:
		return closeSubscribers(w, r)
	}
	w.Header().Set("Allow", "GET, DELETE")
	return problem(http.StatusMethodNotAllowed, errors.New("/sse/subscribers takes GET and DELETE only"))
}

func listSubscribers(w http.ResponseWriter, r *http.Request) error {
	if err := checkQuery(r, "id", "member", "channel", "ip", "limit"); err != nil {
		return err
	}
	limit, err := parseLimit(r)
	if err != nil {
		return err
	}
	filter, err := parseFilter(r.URL.Query())
	if err != nil {
		return err
	}
	gateways, err := gateways()
	if err != nil {
		return err
	}
	all := Subscribers{Subscribers: []gateway.SubscriberInfo{}}
	for _, g := range gateways {
		subscribers, n := g.ListSubscribers(filter, limit-len(all.Subscribers))
		all.Subscribers = append(all.Subscribers, subscribers...)
		all.Count += n
	}
	return answer(w, all)
}

func closeSubscribers(w http.ResponseWriter, r *http.Request) error {
	if err := checkQuery(r, "id", "member", "channel", "ip", "forbid"); err != nil {
		return err
	}
	filter, err := parseFilter(r.URL.Query())
	if err != nil {
		return err
	}
	if filter.IsEmpty() {
		return problem(http.StatusBadRequest, errors.New("say whom to close: by id, member, channel or ip"))
	}
	var forbid time.Duration
	if text := r.URL.Query().Get("forbid"); text != "" {
		if forbid, err = caddy.ParseDuration(text); err != nil || forbid <= 0 {
			return problem(http.StatusBadRequest, fmt.Errorf("forbid: %q is not a duration, like 10m", text))
		}
	}
	gateways, err := gateways()
	if err != nil {
		return err
	}
	var c Closed
	for _, g := range gateways {
		c.Closed += g.Kick(filter, forbid)
	}
	return answer(w, c)
}

func parseFilter(query url.Values) (f gateway.Filter, err error) {
	f.Member, f.Channel = query.Get("member"), query.Get("channel")
	if text := query.Get("id"); query.Has("id") {
		if f.ID, err = strconv.ParseUint(text, 10, 64); err != nil || f.ID == 0 {
			return f, problem(http.StatusBadRequest, fmt.Errorf("id: %q is not a subscriber's, which /sse/subscribers lists", text))
		}
	}
	if text := query.Get("ip"); query.Has("ip") {
		if f.IP, err = limits.ParseNetwork(text); err != nil {
			return f, problem(http.StatusBadRequest, fmt.Errorf("ip: %w", err))
		}
	}
	return f, nil
}
