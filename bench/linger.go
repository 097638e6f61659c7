//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/caddy-sse/caddy-sse/bench/internal/report"
	"github.com/caddy-sse/caddy-sse/bench/internal/servers"
	"github.com/caddy-sse/caddy-sse/bench/internal/subscribers"
	"github.com/caddy-sse/caddy-sse/bench/internal/usage"
)

// runLingering measures what a gateway's channels hold while somebody subscribes
// to them, while they linger, and after that.
func runLingering(ctx context.Context, s *settings, fleet *servers.Fleet) error {
	results := make(map[string][]report.Held)
	for _, name := range s.names {
		fmt.Fprintf(os.Stderr, "what channels hold: %s\n", name)
		held, err := measureLingering(ctx, s, fleet, name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		results[name] = held
	}
	if s.json {
		return printJSON(s, results)
	}
	for _, name := range s.names {
		fmt.Printf("\n%s: %s\n%s\n\n", name, s, machine())
		if err := report.HeldTable(os.Stdout, results[name], s.Channels); err != nil {
			return err
		}
	}
	return nil
}

func measureLingering(ctx context.Context, s *settings, fleet *servers.Fleet, name string) (held []report.Held, err error) {
	server, err := fleet.Start(ctx, name)
	if err != nil {
		return nil, err
	}
	defer server.Stop()
	crowd, err := subscribers.Start(ctx)
	if err != nil {
		return nil, err
	}
	defer crowd.Stop()
	m := &measurement{settings: s, server: server, crowd: crowd, meter: newMeter(server, fleet.Redis, crowd)}
	if err := m.prime(ctx); err != nil {
		return nil, err
	}
	if err := wait(ctx, s.Linger); err != nil { // for what has only primed it
		return nil, err
	}
	var empty int64
	for _, phase := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"no channel", func(context.Context) error { return nil }},
		{"subscribed", func(ctx context.Context) error { return m.subscribe(ctx, s.Subscribers, s.Channels) }},
		{"with events", m.deliver},
		{"lingering", func(ctx context.Context) error { return crowd.Do(ctx, "Drop", 0, nil) }},
		{"forgotten", func(ctx context.Context) error { return wait(ctx, s.Linger+time.Second) }},
	} {
		if err := phase.do(ctx); err != nil {
			return nil, fmt.Errorf("%s: %w", phase.name, err)
		}
		if err := wait(ctx, min(s.Linger/4, 5*time.Second)); err != nil { // until all have left
			return nil, err
		}
		heap, err := usage.Heap(ctx, server.Admin)
		if err != nil {
			return nil, err
		}
		memory, err := usage.Memory(m.meter.server)
		if err != nil {
			return nil, err
		}
		if len(held) == 0 {
			empty = heap
		}
		held = append(held, report.Held{Phase: phase.name, Heap: heap - empty, Memory: memory})
	}
	if lost := m.sample.Missing + m.sample.Repeated; lost > 0 {
		return nil, fmt.Errorf("%d deliveries never came, or came twice", lost)
	}
	return held, nil
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
