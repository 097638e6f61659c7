//go:build linux

package main

import (
	"context"
	"os"
	"time"

	"github.com/caddy-sse/caddy-sse/bench/internal/servers"
	"github.com/caddy-sse/caddy-sse/bench/internal/stamp"
	"github.com/caddy-sse/caddy-sse/bench/internal/subscribers"
	"github.com/caddy-sse/caddy-sse/bench/internal/usage"
)

// A meter reads what a server takes of the machine, and what others do.
type meter struct {
	server []int // processes
	crowd  []int
	redis  []int // if it was started here
	rest   []int // of the bench: this process
	empty  int64 // the server's memory without subscribers
}

func newMeter(server *servers.Server, redis *servers.Redis, crowds ...*subscribers.Client) *meter {
	m := &meter{rest: []int{os.Getpid()}}
	if server != nil {
		m.server = usage.Tree(server.PID)
	}
	for _, crowd := range crowds {
		m.crowd = append(m.crowd, crowd.PID())
	}
	if redis != nil && redis.PID != 0 {
		m.redis = []int{redis.PID}
	}
	return m
}

// A reading is CPU time taken until a moment.
type reading struct {
	at                                  int64
	server, crowd, redis, rest, machine time.Duration
}

func (m *meter) read() (r reading, err error) {
	r.at = stamp.Now()
	for _, part := range []struct {
		pids []int
		cpu  *time.Duration
	}{{m.server, &r.server}, {m.crowd, &r.crowd}, {m.redis, &r.redis}, {m.rest, &r.rest}} {
		if *part.cpu, err = usage.CPU(part.pids); err != nil {
			return r, err
		}
	}
	r.machine, err = usage.MachineCPU()
	return r, err
}

// coresSince is how many cores the server, the subscribers and what is not of
// the bench kept busy.
func (r reading) coresSince(before reading) (server, crowd, others float64) {
	all := float64(r.at - before.at)
	server = float64(r.server-before.server) / all
	crowd = float64(r.crowd-before.crowd) / all
	others = float64(r.machine-before.machine-(r.redis-before.redis)-(r.rest-before.rest))/all - server - crowd
	return server, crowd, max(0, others)
}

// baseline takes the server's memory, settled, as that without subscribers.
func (m *meter) baseline(ctx context.Context) (err error) {
	m.empty, err = usage.Settled(ctx, m.server)
	return err
}

// settled is the memory that subscribers have added, in KiB, once it is steady.
func (m *meter) settled(ctx context.Context) (float64, error) {
	now, err := usage.Settled(ctx, m.server)
	return float64(now-m.empty) / 1024, err
}

// memory is the memory that subscribers have added, in KiB.
func (m *meter) memory() (float64, error) {
	now, err := usage.Memory(m.server)
	return float64(now-m.empty) / 1024, err
}
