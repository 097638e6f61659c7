//go:build linux

package main

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"github.com/caddy-sse/caddy-sse/bench/internal/report"
	"github.com/caddy-sse/caddy-sse/bench/internal/servers"
	"github.com/caddy-sse/caddy-sse/bench/internal/stamp"
	"github.com/caddy-sse/caddy-sse/bench/internal/subscribers"
)

const (
	// returning is the phase of what was missed.
	returning = measuring + 1
	// within is how long it takes until all have come back.
	within = time.Second
	// bystanders are subscribers of a live channel who never left.
	bystanders = 300
	// afterwards is how long the gateway is watched when the storm is over: what
	// it asks Redis then, it would have asked without one.
	afterwards = 3 * time.Second
)

// A storm is one of one server: all who were subscribed to channels with
// history come back to a gateway that knows none of these channels yet.
type storm struct {
	*settings
	back   *measurement // those who come back
	live   *measurement // the bystanders
	meter  *meter
	redis  *redis.Client
	calm   account // of the bystanders, before
	during account
	sample report.Storm
}

func measureStorm(ctx context.Context, s *settings, fleet *servers.Fleet, name string) (report.Storm, error) {
	client := redis.NewClient(&redis.Options{Addr: fleet.Redis.Addr, Protocol: 2})
	defer client.Close()
	past := history{channels: s.Channels, events: s.Storm, size: s.Size}
	if err := past.write(ctx, client); err != nil {
		return report.Storm{}, err
	}
	if name == naive {
		return measureNaive(ctx, s, past, client, newMeter(nil, fleet.Redis))
	}
	server, err := fleet.Start(ctx, name)
	if err != nil {
		return report.Storm{}, err
	}
	defer server.Stop()
	crowds := make([]*subscribers.Client, 2)
	for i := range crowds {
		if crowds[i], err = subscribers.Start(ctx); err != nil {
			return report.Storm{}, err
		}
		defer crowds[i].Stop()
	}
	meter := newMeter(server, fleet.Redis, crowds...)
	st := &storm{
		settings: s, meter: meter, redis: client,
		back: &measurement{settings: s, server: server, crowd: crowds[0]},
		live: &measurement{settings: s, server: server, crowd: crowds[1], meter: meter},
	}
	for _, step := range []func(context.Context) error{st.live.prime, st.listen, st.rage, st.subtractIdle} {
		if err := step(ctx); err != nil {
			return st.sample, err
		}
	}
	return st.sample, nil
}

// listen has the bystanders listen, and looks how it is for them in a calm.
func (st *storm) listen(ctx context.Context) error {
	if err := st.live.subscribe(ctx, bystanders, 1); err != nil {
		return err
	}
	if _, err := st.live.publish(ctx, warming, 1, st.Warmup, st.Rate, bystanders); err != nil {
		return err
	}
	before, err := st.meter.read()
	if err != nil {
		return err
	}
	if st.calm, err = st.live.publish(ctx, measuring, 1, st.Duration, st.Rate, bystanders); err != nil {
		return err
	}
	after, err := st.meter.read()
	st.sample.CPU = -(after.server - before.server).Seconds()
	st.sample.RedisCPU = -(after.redis - before.redis).Seconds()
	return err
}

// rage is the storm. What the bystanders take is not the storm's.
func (st *storm) rage(ctx context.Context) error {
	calls, err := redisCalls(ctx, st.redis)
	if err != nil {
		return err
	}
	before, err := st.meter.read()
	if err != nil {
		return err
	}
	over := make(chan struct{})
	st.live.until = over
	var group errgroup.Group
	group.Go(func() (err error) {
		st.during, err = st.live.publish(ctx, returning, 1, time.Minute, st.Rate, bystanders)
		return err
	})
	back, err := st.comeBack(ctx)
	close(over)
	if err := group.Wait(); err != nil {
		return err
	}
	if err != nil {
		return err
	}
	after, err := st.meter.read()
	if err != nil {
		return err
	}
	if st.sample.Calls, err = callsSince(ctx, st.redis, calls); err != nil {
		return err
	}
	if st.calm.Received == 0 || back.Received == 0 {
		return fmt.Errorf("%d of the bystanders' events came, and %d of those missed", st.calm.Received, back.Received)
	}
	share := float64(st.during.Received) / float64(st.calm.Received)
	st.sample.CPU = st.sample.CPU*share + (after.server - before.server).Seconds()
	st.sample.RedisCPU = st.sample.RedisCPU*share + (after.redis - before.redis).Seconds()
	st.sample.CPUPerEvent = st.sample.CPU * 1e6 / float64(back.Received)
	st.sample.Took = back.took.Seconds()
	st.sample.CalmP50, st.sample.CalmP99 = microseconds(st.calm.P50)/1e3, microseconds(st.calm.P99)/1e3
	st.sample.P50, st.sample.P99 = microseconds(st.during.P50)/1e3, microseconds(st.during.P99)/1e3
	st.sample.Received = back.Received
	for _, a := range []account{back, st.calm, st.during} {
		st.sample.Missing += a.Missing
		st.sample.Repeated += a.Repeated
		st.sample.Gaps += a.Gaps
		st.sample.Ended += a.Ended
		if st.sample.Failure == "" {
			st.sample.Failure = a.Failure
		}
	}
	_, _, st.sample.OtherCores = after.coresSince(before)
	return nil
}

// comeBack subscribes those who come back, and returns when each has what it
// missed.
func (st *storm) comeBack(ctx context.Context) (a account, err error) {
	if err := st.back.crowd.Do(ctx, "Begin", returning, nil); err != nil {
		return a, err
	}
	crowd := subscribers.Crowd{Target: st.back.server.History, Subscribers: st.Subscribers, Channels: st.Channels, Within: within}
	crowd.Target.LastEventID = lastSeen
	began := stamp.Now()
	if err := st.back.crowd.Do(ctx, "Connect", crowd, nil); err != nil {
		return a, err
	}
	a.published = st.Storm * st.Channels
	if err := st.back.awaitDeliveries(ctx, expected(a.published, st.Channels, st.Subscribers)); err != nil {
		return a, err
	}
	if err := st.back.crowd.Do(ctx, "Account", a.published, &a.Account); err != nil {
		return a, err
	}
	a.took = time.Duration(a.Last - began)
	return a, nil
}

// subtractIdle takes off the calls that a gateway makes which has these channels
// and nothing to do.
func (st *storm) subtractIdle(ctx context.Context) error {
	before, err := redisCalls(ctx, st.redis)
	if err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(afterwards):
	}
	idle, err := callsSince(ctx, st.redis, before)
	for command, calls := range idle {
		left := st.sample.Calls[command] - calls*st.sample.Took/afterwards.Seconds()
		st.sample.Calls[command] = max(0, left)
	}
	st.sample.CallsPerChannel = st.sample.Calls.Sum() / float64(st.Channels)
	return err
}
