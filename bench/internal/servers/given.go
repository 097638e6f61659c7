//go:build linux

package servers

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-sse/caddy-sse/bench/internal/publish"
	"github.com/caddy-sse/caddy-sse/bench/internal/subscribers"
)

// A Given is a server that runs already.
type Given struct {
	Name string
	// URL is what subscribers get.
	URL   string
	HTTP2 bool
	// Publish is the URL that messages are posted to, or a Redis channel.
	Publish string
	// Form and Authorization are as in [publish.HTTP].
	Form, Authorization string
	PID                 int
	PerConnection       int
}

var givenKeys = []string{"publish", "form", "auth", "proto", "pid"}

// ParseGiven reads what follows -url:
//
//	name=URL,publish=URL or Redis channel,pid=N[,form=…][,auth=…][,proto=h2]
//
// A value may have commas.
func ParseGiven(text string, perConnection int) (Given, error) {
	parts := strings.Split(text, ",")
	name, url, ok := strings.Cut(parts[0], "=")
	if !ok || name == "" {
		return Given{}, errors.New("it begins with name=URL")
	}
	values := map[string]string{"": url}
	last := ""
	for _, part := range parts[1:] {
		key, value, _ := strings.Cut(part, "=")
		if slices.Contains(givenKeys, key) {
			last, values[key] = key, value
		} else {
			values[last] += "," + part
		}
	}
	g := Given{
		Name: name, URL: values[""], Publish: values["publish"],
		Form: values["form"], Authorization: values["auth"], PerConnection: 1,
	}
	switch values["proto"] {
	case "", "h1":
	case "h2":
		g.HTTP2, g.PerConnection = true, perConnection
	default:
		return g, fmt.Errorf("proto is h1 or h2, not %q", values["proto"])
	}
	if g.Publish == "" {
		return g, errors.New("publish= is missing")
	}
	var err error
	if g.PID, err = strconv.Atoi(values["pid"]); err != nil || g.PID <= 0 {
		return g, errors.New("pid= has to be the number of a process")
	}
	return g, nil
}

func (g Given) server(r *Redis) (*Server, error) {
	s := &Server{
		Target: subscribers.Target{URL: g.URL, HTTP2: g.HTTP2, PerConnection: g.PerConnection},
		PID:    g.PID,
		Stop:   func() {},
	}
	switch {
	case strings.Contains(g.Publish, "://"):
		s.Publisher = publish.NewHTTP(g.Publish, g.Form, g.Authorization)
	case r == nil:
		return nil, errors.New("it is published to by Redis, and there is none: install redis-server, or say -redis")
	default:
		client := redis.NewClient(&redis.Options{Addr: r.Addr, Protocol: 2})
		s.Publisher = publish.Redis{Client: client, Channel: g.Publish}
		s.Stop = func() { _ = client.Close() } // it has nothing left to say
	}
	return s, nil
}
