package sse

import (
	"cmp"
	"fmt"
	"path"
	"slices"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-sse/caddy-sse/internal/block"
	"github.com/caddy-sse/caddy-sse/internal/bounds"
	"github.com/caddy-sse/caddy-sse/internal/metrics"
)

// Metrics say what is told of single channels.
type Metrics struct {
	// The channels that have metrics of their own, by patterns in which `*` stands
	// for any characters but `/`, and `?` for one. Default: none, since each costs the
	// monitoring memory.
	PerChannel []string `json:"per_channel,omitempty"`

	// How many channels have them at most: those with the most subscribers.
	// Default: 100.
	Max int `json:"max,omitempty"`
}

// DefaultMetricsMax is how many channels have metrics of their own at most unless
// configured.
const DefaultMetricsMax = 100

// perChannel is how the collector knows it.
func (m *Metrics) perChannel() metrics.PerChannel {
	if len(m.PerChannel) == 0 {
		return metrics.PerChannel{}
	}
	return metrics.PerChannel{Wants: m.wants, Max: cmp.Or(m.Max, DefaultMetricsMax)}
}

// wants reports whether a channel has metrics of its own.
func (m *Metrics) wants(name string) bool {
	return slices.ContainsFunc(m.PerChannel, func(pattern string) bool {
		matches, _ := path.Match(pattern, name) // patterns are checked before
		return matches
	})
}

func (m *Metrics) validate() error {
	for _, pattern := range m.PerChannel {
		if _, err := path.Match(pattern, ""); err != nil || pattern == "" {
			return fmt.Errorf("metrics: per_channel %q is not a pattern, like chat:*", pattern)
		}
	}
	return bounds.Number("max", m.Max, 1, maxMetrics)
}

// UnmarshalCaddyfile sets up the metrics from the block of a subdirective.
// Syntax:
//
//	metrics {
//		per_channel <pattern>...
//		max <n>
//	}
func (m *Metrics) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	if d.CountRemainingArgs() > 0 {
		return d.Err("metrics takes no argument, only a block")
	}
	return block.Parse(d, block.Subdirectives{
		"per_channel": func() error {
			patterns := d.RemainingArgs()
			if len(patterns) == 0 {
				return d.Err("per_channel takes patterns, like chat:*")
			}
			m.PerChannel = append(m.PerChannel, patterns...)
			if err := m.validate(); err != nil {
				return d.WrapErr(err)
			}
			return nil
		},
		"max": block.Number(d, maxMetrics, &m.Max),
	}, "per_channel")
}

// maxMetrics is the highest number that max can be.
const maxMetrics = 10_000
