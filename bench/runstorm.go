//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/caddy-sse/caddy-sse/bench/internal/report"
	"github.com/caddy-sse/caddy-sse/bench/internal/servers"
)

// runStorms measures a storm for all servers in turn, as often as there are
// rounds.
func runStorms(ctx context.Context, s *settings, fleet *servers.Fleet) error {
	if fleet.Redis == nil {
		return errors.New("-storm needs a redis-server: what it saves it, is the point")
	}
	names := append([]string{naive}, s.names...)
	samples := make(map[string][]report.Storm)
	for round := range s.Rounds {
		for _, name := range names {
			fmt.Fprintf(os.Stderr, "round %d of %d: a storm, %s\n", round+1, s.Rounds, name)
			sample, err := measureStorm(ctx, s, fleet, name)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			samples[name] = append(samples[name], sample)
		}
	}
	results := make([]report.StormResult, len(names))
	for i, name := range names {
		results[i] = report.NewStormResult(name, samples[name])
	}
	if s.json {
		return printJSON(s, results)
	}
	fmt.Printf("\n%d subscribers of %d channel(s) come back within %v, each has missed %d events of %d bytes; beside %d who get %g a second; medians of %d round(s)\n%s\n\n",
		s.Subscribers, s.Channels, within, s.Storm, s.Size, bystanders, s.Rate, s.Rounds, machine())
	return report.StormTable(os.Stdout, results)
}
