package torture

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// Who shares HTTP/2 connections, which the server leaves and comes back to, gets
// everything, too, and so do the other requests of these connections.
func TestTortureHTTP2(t *testing.T) {
	subscribers, lines, faulty := 100, 5, *overHTTP2 > briefly
	if faulty {
		subscribers, lines = 300, 12
	}
	server := startRedis(t, "--appendonly", "yes", "--appendfsync", "always")
	l := newLines(t, lines)
	gateways := l.noteCrashes(start(t, server, l.config))
	random := dice(t)
	chance := random()
	faults := []fault{reloadAll(gateways), crash(gateways, chance)}
	if faulty {
		faults = append(faults, reloadAll(gateways), reload(gateways, chance), reload(gateways, chance), killPubSub(server), killNormal(server),
			restart(server, chance), freeze(server), demote(server, chance))
	}
	h := history{
		channels: 50, subscribers: subscribers, rate: *rate * float64(subscribers) / 600, late: askEvery,
		habit: habit{2 * hasty.stay, hasty.away}, slow: subscribers / 15, lines: l.all, faults: faults,
	}
	r := newReport(newDiary())
	a := h.begin(t, single{server}, gateways, r, random)
	l.ask(t, r, gateways, random)
	r.diary.strikeUntil(t, *overHTTP2, h.rate, a.crowd.deliveries.Load, faults, chance)
	a.crowd.calm.Store(true)
	l.rest()
	isParked := func() bool {
		n := 0.0
		for _, g := range gateways {
			n += parked(g)
		}
		return n == float64(subscribers)
	}
	if !await(reach, isParked) {
		t.Error("servers have connections of subscribers only")
	}
	a.finish(t, single{server}, random())
	t.Logf("%d other requests, and %d whose connection was cut; %d of the connections were cut by their clients",
		l.asked.Load(), l.failed.Load(), l.cuts())
	r.judge(t)
}

// parked is how many subscribers a gateway has over HTTP/2, if no server has any of
// their connections.
func parked(g gateway) float64 {
	get := func(path string) string {
		response, err := http.Get(g.admin + path)
		if err != nil {
			return ""
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body) // what is missing tells
		return string(body)
	}
	if all := get("/debug/pprof/goroutine?debug=1"); all == "" || strings.Contains(all, "erverConn).serve+") {
		return 0
	}
	return sum(get("/metrics"), `caddy_sse_subscribers{protocol="http/2",via="http2"}`)
}

// config is that of a gateway whose subscribers share lines: one of three is in the
// clear.
func (l *lines) config(gateway int) (option, over string) {
	const wrapper = "\t}\n\tservers {\n\t\tlistener_wrappers {\n\t\t\tsse_http2\n\t\t}\n"
	over = strings.TrimSuffix(sites, "}") + "\treverse_proxy /echo " + l.app + "\n}"
	if gateway == 1 {
		return wrapper + "\t\tprotocols h1 h2c\n", over
	}
	return wrapper, strings.Replace(strings.Replace(over, "http:", "https:", 1), "{\n", "{\n\ttls internal\n", 1)
}
