//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"

	"github.com/caddy-sse/caddy-sse/bench/internal/report"
	"github.com/caddy-sse/caddy-sse/bench/internal/servers"
	"github.com/caddy-sse/caddy-sse/bench/internal/usage"
)

// run measures all servers in turn, as often as there are rounds: what else the
// machine does then spoils a round of each, and not all rounds of one.
func run(ctx context.Context, s *settings) error {
	if err := usage.AllowFiles(s.connections() + 1000); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	fleet, err := servers.Prepare(ctx, servers.Options{
		Names: s.names, PerConnection: s.PerConnection, Given: s.given, Redis: s.redis, Gateway: s.gateway, Linger: s.Linger,
		Profiles: s.profile != "",
	})
	if err != nil {
		return err
	}
	defer fleet.Close()
	if fleet.Redis == nil {
		fmt.Fprintln(os.Stderr, "There is no redis-server: the gateway embeds one, whose CPU time counts as its own.")
		s.names = slices.DeleteFunc(s.names, func(name string) bool { return name == "flush" })
	}

	switch {
	case s.Storm > 0:
		return runStorms(ctx, s, fleet)
	case s.Linger > 0:
		return runLingering(ctx, s, fleet)
	}
	samples := make(map[string][]report.Sample)
	rows := s.rows()
	for round := range s.Rounds {
		for _, row := range rows {
			fmt.Fprintf(os.Stderr, "round %d of %d: %s\n", round+1, s.Rounds, row.heading)
			sample, err := measure(ctx, s, fleet, row)
			if err != nil {
				return fmt.Errorf("%s: %w", row.heading, err)
			}
			if _, runsOn := s.given[row.server]; runsOn && round > 0 {
				// Its memory still has the subscribers of the first round.
				sample.Idle, sample.Busy = samples[row.heading][0].Idle, samples[row.heading][0].Busy
			}
			samples[row.heading] = append(samples[row.heading], sample)
		}
	}
	results := make([]report.Result, len(rows))
	for i, row := range rows {
		results[i] = report.NewResult(row.heading, samples[row.heading])
	}
	if s.json {
		return printJSON(s, results)
	}
	fmt.Printf("\n%s\n%s\n\n", s, machine())
	return report.Table(os.Stdout, results)
}

// connections is how many a server has at most.
func (s *settings) connections() int {
	for _, name := range s.names {
		if name != "h2" && name != "h2+wrapper" && name != "flush" && !s.given[name].HTTP2 {
			return s.Subscribers
		}
	}
	return s.Subscribers/s.PerConnection + 1
}

// A row is one of the table: a server, and how many stall beside its subscribers.
type row struct {
	heading string
	server  string
	stalled int
}

func (s *settings) rows() (rows []row) {
	for _, name := range s.names {
		rows = append(rows, row{heading: name, server: name})
		if s.Stalled > 0 {
			rows = append(rows, row{fmt.Sprintf("%s, %d stalled", name, s.Stalled), name, s.Stalled})
		}
	}
	return rows
}

// String says what was done.
func (s *settings) String() string {
	text := fmt.Sprintf("%d subscribers of %d channel(s), %d-byte messages, %g a second to each for %v", s.Subscribers, s.Channels, s.Size, s.Rate, s.Duration)
	if s.Burst > 1 {
		text += fmt.Sprintf(", %d back to back", s.Burst)
	}
	if s.PerConnection > 1 {
		text += fmt.Sprintf(", %d to a connection of HTTP/2", s.PerConnection)
	}
	if s.Rounds > 1 {
		text += fmt.Sprintf("; medians of %d rounds", s.Rounds)
	}
	return text
}

func printJSON(s *settings, results any) error {
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", "  ")
	return encoder.Encode(map[string]any{"machine": machine(), "settings": s, "results": results})
}
