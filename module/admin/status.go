package admin

import (
	"cmp"
	"net/http"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/broker"
	"github.com/caddy-sse/caddy-sse/internal/buildinfo"
	"github.com/caddy-sse/caddy-sse/internal/gateway"
)

// A Status is how it stands with the gateways.
type Status struct {
	// Versions are those of the running program.
	Versions buildinfo.Versions `json:"versions"`
	// Gateways are those of its configuration.
	Gateways []GatewayStatus `json:"gateways"`
}

// A GatewayStatus is how it stands with one.
type GatewayStatus struct {
	Redis       RedisStatus `json:"redis"`
	Subscribers int         `json:"subscribers"`
	// Live and Histories are channels, lingering ones included.
	Live      int `json:"live_channels"`
	Histories int `json:"history_channels"`
	// Memory and Pending are bytes: what channels remember, and what waits for
	// subscribers.
	Memory  int `json:"memory"`
	Pending int `json:"pending"`
	// Backlog is how many events wait to be stored.
	Backlog int `json:"backlog"`
	// Sent, Messages, Gaps and Replayed count since the gateway's beginning.
	Sent     uint64 `json:"sent"`
	Messages uint64 `json:"messages"`
	Gaps     uint64 `json:"gaps"`
	Replayed uint64 `json:"replayed"`
}

// A RedisStatus is how it stands with a gateway's Redis.
type RedisStatus struct {
	Address     string     `json:"address"`
	Up          bool       `json:"up"`
	Since       *time.Time `json:"since,omitempty"`
	Problem     string     `json:"problem,omitempty"`
	Probe       float64    `json:"probe_ms"`
	Connections uint64     `json:"connections"`
}

func showStatus(w http.ResponseWriter, r *http.Request) error {
	if err := checkQuery(r); err != nil {
		return err
	}
	s := Status{Versions: buildinfo.Read(), Gateways: []GatewayStatus{}}
	for _, g := range gateway.All() {
		s.Gateways = append(s.Gateways, statusOf(g))
	}
	return answer(w, s)
}

// warning is the first of what is not as it should be, but works.
func warning(redis broker.Health) string {
	if !redis.Up || len(redis.Warnings) == 0 {
		return ""
	}
	return redis.Warnings[0]
}

func statusOf(g *gateway.Gateway) GatewayStatus {
	stats, redis := g.Stats(), g.Broker.Health()
	redis.Problem = cmp.Or(redis.Problem, redis.Limited, g.Feed.Refused(), warning(redis))
	s := GatewayStatus{
		Redis: RedisStatus{
			Address: g.Broker.Address(), Up: redis.Up, Problem: redis.Problem,
			Probe: float64(redis.RoundTrip.Microseconds()) / 1000, Connections: redis.Connections,
		},
		Subscribers: stats.Subscribers, Live: stats.Live, Histories: stats.Histories,
		Memory: stats.Memory, Pending: g.Waiting(), Backlog: g.Broker.Backlog(),
		Sent: stats.Sent, Messages: redis.Messages, Replayed: stats.Replayed,
	}
	if !redis.Since.IsZero() {
		s.Redis.Since = &redis.Since
	}
	for _, n := range stats.Gaps {
		s.Gaps += n
	}
	return s
}
