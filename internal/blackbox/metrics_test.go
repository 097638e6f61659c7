package blackbox_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// What happens is counted, and a reload forgets nothing of it.
func TestMetrics(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	option := strings.Replace(gatewaytest.RedisOption(server), "linger 0", "linger 0\n\t\tmetrics {\n\t\t\tper_channel {$PATTERN} other:*\n\t\t\tmax 2\n\t\t}", 1)
	g := gatewaytest.Start(t, option, strings.Replace(resumeSite, "{\n", "{\n\tsse_subscribe /all/* {path.1}:{path.2}\n", 1), "PATTERN=room:*")
	live := gatewaytest.ComeBack(t, g, "/live/a", "")
	history := gatewaytest.ComeBack(t, g, "/h/b", "")
	live.Await("id: ")
	history.Await("id: ")
	for range 3 {
		server.Do("PUBLISH", "a", "12345")
	}
	server.Add("b", "5-0", "x")
	history.Await("data: x\n\n")
	live.Await("data: 12345\n\n")
	g.AwaitMetric(`subscribers{protocol="http/1.1",via="socket"}`, 2)
	g.AwaitMetric(`events_sent_total`, 4)
	for series, want := range map[string]float64{
		`channels{kind="live"}`:                        1,
		`channels{kind="history"}`:                     1,
		`redis_up`:                                     1,
		`redis_connections_total`:                      1,
		`pending_bytes`:                                0,
		`inbox_bytes`:                                  0,
		`backlog_events`:                               0,
		`gaps_total{reason="unknown"}`:                 0,
		`subscribers_closed_total{reason="old"}`:       0,
		`channel_subscribers{channel="a",kind="live"}`: -1,
	} {
		if got := g.Metric(series); got != want {
			t.Errorf("%s is %g, not %g", series, got, want)
		}
	}
	for _, series := range []string{`memory_bytes`, `redis_probe_seconds`, `bytes_sent_total`, `history_reads_total`, `delivery_seconds_count`, `redis_messages_total`} {
		redistest.Await(t, series, func() bool { return g.Metric(series) > 0 })
	}

	// Gaps, replays, and what was wrong.
	gatewaytest.ComeBack(t, g, "/live/a", "nonsense").Await("sse.gap")
	gatewaytest.ComeBack(t, g, "/h/b", "4-0").Await("sse.gap") // 4-0 is not there
	gatewaytest.ComeBack(t, g, "/h/b", "0-0").Await("data: x")
	server.Do("PUBLISH", "b", "which may be said of the entry")
	server.Do("PUBLISH", "b", "of no entry")
	gatewaytest.ComeBack(t, g, "/json", "").Await("id: ")
	server.Do("XADD", "app", "9-0", "retry", "soon")
	g.AwaitMetric(`published_without_entry_total`, 1)
	g.AwaitMetric(`malformed_total`, 4) // three payloads are no envelopes

	g.AwaitMetric(`replays_total`, 2)
	g.AwaitMetric(`replayed_events_total`, 2)
	if n := g.Metric(`gaps_total{reason="unknown"}`) + g.Metric(`gaps_total{reason="reset"}`); n != 2 {
		t.Errorf("%g gaps", n)
	}

	// Single channels, those with the most subscribers.
	var all []*gatewaytest.Stream
	for _, path := range []string{"/all/room/1", "/all/room/2", "/all/room/2", "/all/room/3", "/all/room/3", "/all/room/3", "/all/chat/9"} {
		s := gatewaytest.ComeBack(t, g, path, "")
		s.Await("id: ")
		all = append(all, s)
	}
	server.Do("PUBLISH", "room:3", "x")
	g.AwaitMetric(`channel_events_total{channel="room:3",kind="live"}`, 1)
	for channel, want := range map[string]float64{"room:1": -1, "room:2": 2, "room:3": 3, "chat:9": -1} {
		if got := g.Metric(fmt.Sprintf("channel_subscribers{channel=%q,kind=\"live\"}", channel)); got != want {
			t.Errorf("%s has %g subscribers, not %g", channel, got, want)
		}
	}
	for _, s := range all {
		s.Leave()
	}
	live.Leave()
	g.AwaitMetric(`subscribers_closed_total{reason="left"}`, 8)

	// A reload, also one that has another gateway, goes on counting.
	sent := g.Metric("events_sent_total")
	g.Reload(strings.Replace(option, server.Addr, server.Addr+" {\n\t\t\tdb 1\n\t\t}", 1), resumeSite)
	redistest.Await(t, "the old gateway to be gone", func() bool {
		return g.Metric("events_sent_total") >= sent && g.Metric(`subscribers{protocol="http/1.1",via="socket"}`) == 0
	})
	redistest.Await(t, "its totals to be kept", func() bool { return g.Metric("redis_connections_total") == 2 })
	if got := g.Metric("replays_total"); got != 2 {
		t.Errorf("after a reload there were %g replays", got)
	}
}

// Counters do not go back while a gateway that no configuration holds sends its
// subscribers away.
func TestCountersWhileDraining(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	option := strings.Replace(gatewaytest.RedisOption(server), "drain 0", "drain 1h", 1)
	g := gatewaytest.Start(t, option, resumeSite)
	s := gatewaytest.ComeBack(t, g, "/live/a", "")
	s.Await("id: ")
	server.Do("PUBLISH", "a", "x")
	s.Await("data: x\n\n")
	g.AwaitMetric("events_sent_total", 1)
	g.Reload(strings.Replace(option, server.Addr, server.Addr+" {\n\t\t\tdb 1\n\t\t}", 1), resumeSite)
	for series, want := range map[string]float64{"events_sent_total": 1, `subscribers{protocol="http/1.1",via="socket"}`: 1} {
		if got := g.Metric(series); got != want {
			t.Errorf("%s is %g, not %g", series, got, want)
		}
	}
}
