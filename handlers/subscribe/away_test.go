package subscribe_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

const awaySite = `http://{$ADDR} {
	sse_subscribe /live chat {
		away
		greeting
	}
	sse_subscribe /kept chat {
		away
		history
	}
	sse_subscribe /others chat
	sse_health /health
}`

// A subscriber that asks for it is told when Redis is away, once, and when it is
// back, before the gap.
func TestAway(t *testing.T) {
	g, server := gatewaytest.StartWithRedis(t, awaySite)
	url := "http://" + g.Addr
	for name, fault := range map[string]struct{ begin, end func() }{
		"killed": {server.Kill, server.Restart},
		"frozen": {server.Freeze, server.Thaw},
	} {
		var all []*gatewaytest.Stream
		for _, client := range []*http.Client{gatewaytest.HTTP1(t), gatewaytest.H2C(t)} {
			for _, path := range []string{"/live", "/kept"} {
				s := gatewaytest.Subscribe(t, client, url+path)
				s.Await("id: ")
				all = append(all, s)
			}
		}
		others := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), url+"/others")
		others.Await("id: ")

		fault.begin()
		for _, s := range all {
			s.Await("\n\nevent: sse.away\ndata: {\"since\":\"")
		}
		late := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), url+"/live")
		late.Await("event: sse.open\ndata: {}\n\nevent: sse.away\ndata: {\"since\":\"")
		fault.end()
		for _, s := range append(all, late) {
			s.Await("Z\"}\n\nevent: sse.back\ndata: {\"since\":\"")
		}
		others.Await("event: sse.gap")
		redistest.Await(t, "the gateway to be well", func() bool {
			r, _ := gatewaytest.Do(t, "GET", url+"/health", "")
			return r.StatusCode == http.StatusOK
		})
		all[0].Await("event: sse.gap")
		for i, s := range append(all, late) {
			types := strings.Join(eventTypes.FindAllString(s.Text(), -1), " ")
			if !regexp.MustCompile(`^(sse\.open )?sse\.away sse\.back( sse\.gap)?$`).MatchString(types) {
				t.Errorf("%s: %d was told %s:\n%s", name, i, types, s.Text())
			}
			s.Leave()
		}
		if strings.Contains(others.Text(), "sse.away") || strings.Contains(others.Text(), "sse.back") {
			t.Errorf("%s: who did not ask was told %s", name, others.Text())
		}
		others.Leave()
	}
}

var eventTypes = regexp.MustCompile(`sse\.(open|away|back|gap)`)
