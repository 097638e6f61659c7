//go:build linux

package main

import (
	"context"
	"fmt"
	"time"

	"github.com/caddy-sse/caddy-sse/bench/internal/publish"
	"github.com/caddy-sse/caddy-sse/bench/internal/report"
	"github.com/caddy-sse/caddy-sse/bench/internal/servers"
	"github.com/caddy-sse/caddy-sse/bench/internal/stamp"
	"github.com/caddy-sse/caddy-sse/bench/internal/subscribers"
)

// The phases of a measurement, which messages are stamped with.
const (
	priming uint8 = iota + 1
	warming
	measuring
)

// A measurement is one of one server.
type measurement struct {
	*settings
	stalled int
	until   <-chan struct{} // ends publishing earlier
	server  *servers.Server
	crowd   *subscribers.Client
	meter   *meter
	sample  report.Sample
	profile *profiler
}

func measure(ctx context.Context, s *settings, fleet *servers.Fleet, row row) (report.Sample, error) {
	server, err := fleet.Start(ctx, row.server)
	if err != nil {
		return report.Sample{}, err
	}
	defer server.Stop()
	crowd, err := subscribers.Start(ctx)
	if err != nil {
		return report.Sample{}, err
	}
	defer crowd.Stop()
	m := &measurement{settings: s, stalled: row.stalled, server: server, crowd: crowd, meter: newMeter(server, fleet.Redis, crowd)}
	m.profile = newProfiler(s.profile, row, server)
	for _, step := range []func(context.Context) error{m.prime, m.baseline, m.connect, m.stall, m.warmUp, m.deliver} {
		if err := step(ctx); err != nil {
			return m.sample, err
		}
	}
	return m.sample, nil
}

// prime has the server do everything once, for a few: what it allocates only
// once is not to count as the subscribers'.
func (m *measurement) prime(ctx context.Context) error {
	const few, messages = 50, 20
	n := min(few, m.Subscribers)
	if err := m.subscribe(ctx, n, 1); err != nil {
		return err
	}
	if _, err := m.publish(ctx, priming, 1, time.Second, messages, n); err != nil {
		return err
	}
	return m.crowd.Do(ctx, "Drop", 0, nil)
}

// baseline takes the server's memory from here on as that without subscribers.
func (m *measurement) baseline(ctx context.Context) error { return m.meter.baseline(ctx) }

// connect subscribes all, and has a look at the server when it has settled.
func (m *measurement) connect(ctx context.Context) error {
	before, err := m.meter.read()
	if err != nil {
		return err
	}
	if err := m.subscribe(ctx, m.Subscribers, m.Channels); err != nil {
		return err
	}
	after, err := m.meter.read()
	if err != nil {
		return err
	}
	m.sample.CPUPerConnect = microseconds(after.server-before.server) / float64(m.Subscribers)
	memory, err := m.meter.settled(ctx)
	if err != nil {
		return err
	}
	m.sample.Idle = memory / float64(m.Subscribers)
	return m.profile.heap(ctx)
}

// stall adds those who never read.
func (m *measurement) stall(ctx context.Context) error {
	if m.stalled == 0 {
		return nil
	}
	return m.crowd.Do(ctx, "Stall", subscribers.Crowd{Target: m.server.Target, Subscribers: m.stalled, Channels: m.Channels}, nil)
}

func (m *measurement) warmUp(ctx context.Context) error {
	_, err := m.publish(ctx, warming, m.Channels, m.Warmup, m.Rate, m.Subscribers)
	return err
}

// deliver is what all this is about.
func (m *measurement) deliver(ctx context.Context) error {
	profiled := m.profile.cpu(ctx, m.Duration)
	before, err := m.meter.read()
	if err != nil {
		return err
	}
	account, err := m.publish(ctx, measuring, m.Channels, m.Duration, m.Rate, m.Subscribers)
	if err != nil {
		return err
	}
	after, err := m.meter.read()
	if err != nil {
		return err
	}
	if err := <-profiled; err != nil {
		return err
	}
	memory, err := m.meter.memory()
	if err != nil {
		return err
	}
	if err := m.crowd.Do(ctx, "Stalled", 0, &m.sample.Stalled); err != nil {
		return err
	}
	if account.Received == 0 {
		return fmt.Errorf("none of %d messages came", account.published)
	}
	took := max(m.Duration, account.took)
	m.sample.CPUPerDelivery = microseconds(after.server-before.server) / float64(account.Received)
	m.sample.PerSecond = float64(account.Received) / took.Seconds()
	m.sample.P50, m.sample.P99 = microseconds(account.P50)/1e3, microseconds(account.P99)/1e3
	m.sample.Busy = memory / float64(m.Subscribers)
	m.sample.Published, m.sample.Received = uint64(account.published), account.Received
	m.sample.Missing, m.sample.Repeated = account.Missing, account.Repeated
	m.sample.Ended, m.sample.Failure = account.Ended, account.Failure
	m.sample.ServerCores, m.sample.ClientCores, m.sample.OtherCores = after.coresSince(before)
	return nil
}

func (m *measurement) subscribe(ctx context.Context, n, channels int) error {
	return m.crowd.Do(ctx, "Connect", subscribers.Crowd{Target: m.server.Target, Subscribers: n, Channels: channels}, nil)
}

// account is what became of a phase.
type account struct {
	subscribers.Account
	published int
	took      time.Duration
}

// publish publishes a phase's messages to the n subscribers, and returns when
// all have come, or when no more do.
func (m *measurement) publish(ctx context.Context, phase uint8, channels int, duration time.Duration, rate float64, n int) (account, error) {
	var a account
	if err := m.crowd.Do(ctx, "Begin", phase, nil); err != nil {
		return a, err
	}
	pace := publish.Pace{Phase: phase, Rate: rate, Duration: duration, Burst: m.Burst, Size: m.Size, Until: m.until}
	for i := range channels {
		pace.Channels = append(pace.Channels, subscribers.Channel(i))
	}
	began := stamp.Now()
	var err error
	if a.published, err = pace.Run(ctx, m.server.Publisher); err != nil {
		return a, err
	}
	if err := m.awaitDeliveries(ctx, expected(a.published, channels, n)); err != nil {
		return a, err
	}
	if err := m.crowd.Do(ctx, "Account", a.published, &a.Account); err != nil {
		return a, err
	}
	a.took = time.Duration(a.Last - began)
	return a, nil
}

// expected is how many deliveries so many messages make: message i goes to the
// channel i modulo their number, and so does subscriber i.
func expected(published, channels, n int) (deliveries uint64) {
	for i := range channels {
		messages := (published - i + channels - 1) / channels
		listeners := (n - i + channels - 1) / channels
		deliveries += uint64(messages * listeners)
	}
	return deliveries
}

// awaitDeliveries waits for that many, or until none has come for a while.
func (m *measurement) awaitDeliveries(ctx context.Context, expected uint64) error {
	const patience = 5 * time.Second
	var last uint64
	for since := time.Now(); time.Since(since) < patience; {
		var received uint64
		if err := m.crowd.Do(ctx, "Received", 0, &received); err != nil {
			return err
		}
		if received >= expected {
			return nil
		}
		if received != last {
			last, since = received, time.Now()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}

func microseconds(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
