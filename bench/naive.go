//go:build linux

package main

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"github.com/caddy-sse/caddy-sse/bench/internal/report"
	"github.com/caddy-sse/caddy-sse/bench/internal/stamp"
)

// naive is a gateway without subscribers, which has Redis read for each of them
// what it missed, and does nothing with it.
const naive = "naive"

func measureNaive(ctx context.Context, s *settings, past history, client *redis.Client, meter *meter) (sample report.Storm, err error) {
	before, err := meter.read()
	if err != nil {
		return sample, err
	}
	calls, err := redisCalls(ctx, client)
	if err != nil {
		return sample, err
	}
	began := stamp.Now()
	var group errgroup.Group
	group.SetLimit(64)
	for i := range s.Subscribers {
		due := within * time.Duration(i) / time.Duration(s.Subscribers)
		time.Sleep(due - time.Duration(stamp.Now()-began))
		group.Go(func() error {
			_, err := client.Do(ctx, "XRANGE", past.name(i%s.Channels), "("+lastSeen, "+", "COUNT", past.events).Slice()
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return sample, err
	}
	sample.Took = time.Duration(stamp.Now() - began).Seconds()
	after, err := meter.read()
	if err != nil {
		return sample, err
	}
	sample.CPU = (after.rest - before.rest).Seconds()
	sample.CPUPerEvent = sample.CPU * 1e6 / float64(s.Subscribers*past.events)
	sample.RedisCPU = (after.redis - before.redis).Seconds()
	_, _, sample.OtherCores = after.coresSince(before)
	sample.Calls, err = callsSince(ctx, client, calls)
	sample.CallsPerChannel = sample.Calls.Sum() / float64(s.Channels)
	return sample, err
}
