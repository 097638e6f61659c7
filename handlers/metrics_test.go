package handlers_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// metric is the value of a series, as Caddy shows it; -1 if there is none.
func metric(t *testing.T, g *gatewaytest.Gateway, series string) float64 {
	t.Helper()
	_, text := gatewaytest.Do(t, "GET", g.Admin+"/metrics", "")
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, "caddy_sse_"+series+" "); ok {
			n, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	return -1
}

func awaitMetric(t *testing.T, g *gatewaytest.Gateway, series string, want float64) {
	t.Helper()
	redistest.Await(t, fmt.Sprint(series, " to be ", want), func() bool { return metric(t, g, series) == want })
}

// What happens is counted, and a reload forgets nothing of it.
func TestMetrics(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	option := strings.Replace(redisOption(server), "linger 0", "linger 0\n\t\tmetrics {\n\t\t\tper_channel {$PATTERN} other:*\n\t\t\tmax 2\n\t\t}", 1)
	g := gatewaytest.Start(t, option, strings.Replace(resumeSite, "{\n", "{\n\tsse_subscribe /all/* {path.1}:{path.2}\n", 1), "PATTERN=room:*")
	live := comeBack(t, g, "/live/a", "")
	history := comeBack(t, g, "/h/b", "")
	live.Await("id: ")
	history.Await("id: ")
	for range 3 {
		server.Do("PUBLISH", "a", "12345")
	}
	add(server, "b", "5-0", "x")
	history.Await("data: x\n\n")
	live.Await("data: 12345\n\n")
	awaitMetric(t, g, `subscribers{protocol="http/1.1",via="socket"}`, 2)
	awaitMetric(t, g, `events_sent_total`, 4)
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
		if got := metric(t, g, series); got != want {
			t.Errorf("%s is %g, not %g", series, got, want)
		}
	}
	for _, series := range []string{`memory_bytes`, `redis_probe_seconds`, `bytes_sent_total`, `history_reads_total`, `delivery_seconds_count`, `redis_messages_total`} {
		redistest.Await(t, series, func() bool { return metric(t, g, series) > 0 })
	}

	// Gaps, replays, and what was wrong.
	comeBack(t, g, "/live/a", "nonsense").Await("sse.gap")
	comeBack(t, g, "/h/b", "4-0").Await("sse.gap") // 4-0 is not there
	comeBack(t, g, "/h/b", "0-0").Await("data: x")
	server.Do("PUBLISH", "b", "which may be said of the entry")
	server.Do("PUBLISH", "b", "of no entry")
	comeBack(t, g, "/json", "").Await("id: ")
	server.Do("XADD", "app", "9-0", "retry", "soon")
	awaitMetric(t, g, `published_without_entry_total`, 1)
	awaitMetric(t, g, `malformed_total`, 4) // three payloads are no envelopes

	awaitMetric(t, g, `replays_total`, 2)
	awaitMetric(t, g, `replayed_events_total`, 2)
	if n := metric(t, g, `gaps_total{reason="unknown"}`) + metric(t, g, `gaps_total{reason="reset"}`); n != 2 {
		t.Errorf("%g gaps", n)
	}

	// Single channels, those with the most subscribers.
	var all []*gatewaytest.Stream
	for _, path := range []string{"/all/room/1", "/all/room/2", "/all/room/2", "/all/room/3", "/all/room/3", "/all/room/3", "/all/chat/9"} {
		s := comeBack(t, g, path, "")
		s.Await("id: ")
		all = append(all, s)
	}
	server.Do("PUBLISH", "room:3", "x")
	awaitMetric(t, g, `channel_events_total{channel="room:3",kind="live"}`, 1)
	for channel, want := range map[string]float64{"room:1": -1, "room:2": 2, "room:3": 3, "chat:9": -1} {
		if got := metric(t, g, fmt.Sprintf("channel_subscribers{channel=%q,kind=\"live\"}", channel)); got != want {
			t.Errorf("%s has %g subscribers, not %g", channel, got, want)
		}
	}
	for _, s := range all {
		s.Leave()
	}
	live.Leave()
	awaitMetric(t, g, `subscribers_closed_total{reason="left"}`, 8)

	// A reload, also one that has another gateway, goes on counting.
	sent := metric(t, g, "events_sent_total")
	g.Reload(strings.Replace(option, server.Addr, server.Addr+" {\n\t\t\tdb 1\n\t\t}", 1), resumeSite)
	redistest.Await(t, "the old gateway to be gone", func() bool {
		return metric(t, g, "events_sent_total") >= sent && metric(t, g, `subscribers{protocol="http/1.1",via="socket"}`) == 0
	})
	redistest.Await(t, "its totals to be kept", func() bool { return metric(t, g, "redis_connections_total") == 2 })
	if got := metric(t, g, "replays_total"); got != 2 {
		t.Errorf("after a reload there were %g replays", got)
	}
}
