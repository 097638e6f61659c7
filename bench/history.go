//go:build linux

package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-sse/caddy-sse/bench/internal/report"
	"github.com/caddy-sse/caddy-sse/bench/internal/servers"
	"github.com/caddy-sse/caddy-sse/bench/internal/stamp"
	"github.com/caddy-sse/caddy-sse/bench/internal/subscribers"
)

// A history is what Redis keeps of the channels: an entry that everyone has
// seen, and those that everyone has missed.
type history struct {
	channels, events, size int
}

// lastSeen is the ID of the entry that everyone has seen.
const lastSeen = entryTime + "-1"

// entryTime begins the IDs of all entries.
const entryTime = "1700000000000"

// name is that of the i-th channel.
func (h history) name(i int) string { return servers.HistoryPrefix + subscribers.Channel(i) }

func (h history) write(ctx context.Context, client *redis.Client) error {
	for c := range h.channels {
		name := h.name(c)
		_, err := client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			pipe.Del(ctx, name)
			pipe.Do(ctx, "XADD", name, lastSeen, "data", "seen")
			for i := range h.events {
				event := stamp.Stamp{Phase: returning, Number: uint32(c + i*h.channels)}.Payload(h.size)
				pipe.Do(ctx, "XADD", name, entryTime+"-"+strconv.Itoa(i+2), "data", event)
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("history of %s: %w", name, err)
		}
	}
	return nil
}

// redisCalls is how often each command was called so far.
func redisCalls(ctx context.Context, client *redis.Client) (report.Calls, error) {
	text, err := client.Info(ctx, "commandstats").Result()
	if err != nil {
		return nil, err
	}
	calls := make(report.Calls)
	for line := range strings.Lines(text) {
		name, values, ok := strings.Cut(strings.TrimPrefix(line, "cmdstat_"), ":calls=")
		if !ok || name == "publish" || name == "info" { // they are the bench's
			continue
		}
		number, _, _ := strings.Cut(values, ",")
		if calls[name], err = strconv.ParseFloat(number, 64); err != nil {
			return nil, fmt.Errorf("redis says %q of its commands", line)
		}
	}
	return calls, nil
}

func callsSince(ctx context.Context, client *redis.Client, before report.Calls) (report.Calls, error) {
	calls, err := redisCalls(ctx, client)
	for name := range calls {
		if calls[name] -= before[name]; calls[name] == 0 {
			delete(calls, name)
		}
	}
	return calls, err
}
