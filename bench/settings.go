//go:build linux

package main

import (
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/caddy-sse/caddy-sse/bench/internal/servers"
	"github.com/caddy-sse/caddy-sse/bench/internal/stamp"
)

// Settings are the flags.
type settings struct {
	Subscribers   int           `json:"subscribers"`
	Channels      int           `json:"channels"`
	Size          int           `json:"size"`
	Rate          float64       `json:"rate"`
	Burst         int           `json:"burst"`
	Warmup        time.Duration `json:"warmup_ns"`
	Duration      time.Duration `json:"duration_ns"`
	Rounds        int           `json:"rounds"`
	PerConnection int           `json:"streams_per_conn"`
	Stalled       int           `json:"stalled"`
	Storm         int           `json:"storm"`
	Linger        time.Duration `json:"linger_ns"`

	names   []string // the servers to measure, in that order
	given   map[string]servers.Given
	redis   string
	gateway string
	profile string // folder
	json    bool
}

func parseSettings(args []string) (*settings, error) {
	s := &settings{given: make(map[string]servers.Given)}
	var only string
	var urls []string
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.IntVar(&s.Subscribers, "subscribers", 5000, "how many `subscribers`")
	f.IntVar(&s.Channels, "channels", 1, "how many `channels` they are dealt out to")
	f.IntVar(&s.Size, "size", 200, fmt.Sprintf("`bytes` of a message, %d at least", stamp.Len))
	f.Float64Var(&s.Rate, "rate", 10, "`messages` that each subscriber gets in a second")
	f.IntVar(&s.Burst, "burst", 1, "how many `messages` are published back to back, at the same rate")
	f.DurationVar(&s.Warmup, "warmup", time.Second, "how `long` to publish before measuring")
	f.DurationVar(&s.Duration, "duration", 10*time.Second, "how `long` to measure")
	f.IntVar(&s.Rounds, "rounds", 1, "how many `times` to measure all, in turn; the table has medians")
	f.IntVar(&s.PerConnection, "streams-per-conn", 1, "how many `subscribers` of HTTP/2 share a connection")
	f.IntVar(&s.Stalled, "stalled", 0, "how many `more` subscribe and never read; each server is measured without them, too")
	f.IntVar(&s.Storm, "storm", 0, "how many `events` each has missed who comes back, all within a second; measures this instead")
	f.DurationVar(&s.Linger, "linger", 0, "how `long` channels go on without subscribers; measures instead what they hold")
	f.StringVar(&only, "only", "", "the `servers` to measure, with commas between, of "+strings.Join(servers.Own, ",")+" and those of -url")
	f.Func("url", "another server, `name=URL,publish=URL or Redis channel,pid=N[,form=…][,auth=…][,proto=h2]`; may stand several times", func(text string) error {
		urls = append(urls, text)
		return nil
	})
	f.StringVar(&s.redis, "redis", "", "the `host:port` of a Redis to use instead of starting one")
	f.StringVar(&s.gateway, "gateway", "", "the `path` of a Caddy with this plugin, to measure instead of building one")
	f.StringVar(&s.profile, "profile", "", "the `folder` that profiles of the gateways are written to, of the CPU while they deliver, and of the heap when all have subscribed")
	f.BoolVar(&s.json, "json", false, "print JSON")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if f.NArg() > 0 {
		return nil, fmt.Errorf("there are flags only, not %q", f.Arg(0))
	}
	names := slices.Clone(servers.Own)
	if s.Storm > 0 || s.Linger > 0 {
		names = slices.Clone(servers.Gateways)
	}
	for _, text := range urls {
		given, err := servers.ParseGiven(text, s.PerConnection)
		if err != nil {
			return nil, fmt.Errorf("-url %s: %w", text, err)
		}
		if slices.Contains(names, given.Name) {
			return nil, fmt.Errorf("-url %s: there is a server %s already", text, given.Name)
		}
		names, s.given[given.Name] = append(names, given.Name), given
	}
	return s, errors.Join(s.choose(names, only), s.check())
}

// choose picks the servers to measure, in the order of all.
func (s *settings) choose(all []string, only string) error {
	s.names = all
	if only == "" {
		return nil
	}
	wanted := strings.Split(only, ",")
	for _, name := range wanted {
		if !slices.Contains(all, name) {
			return fmt.Errorf("-only %s: there is %s", name, strings.Join(all, ", "))
		}
	}
	s.names = slices.DeleteFunc(all, func(name string) bool { return !slices.Contains(wanted, name) })
	return nil
}

func (s *settings) check() error {
	for name, n := range map[string]int{
		"subscribers": s.Subscribers, "channels": s.Channels, "burst": s.Burst,
		"rounds": s.Rounds, "streams-per-conn": s.PerConnection,
	} {
		if n < 1 {
			return fmt.Errorf("-%s has to be 1 at least", name)
		}
	}
	switch {
	case s.Channels > s.Subscribers:
		return errors.New("-channels: each needs a subscriber")
	case s.Size < stamp.Len:
		return fmt.Errorf("-size has to be %d at least", stamp.Len)
	case s.Rate <= 0 || s.Duration <= 0 || s.Warmup <= 0:
		return errors.New("-rate, -duration and -warmup have to be positive")
	}
	return nil
}
