package blackbox_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
)

var reservedChannels = []string{"__keyevent@0__:set", "__keyspace@0__:chat:1", "__sentinel__:hello", "__redis__:invalidate", "sse.probe.x", "sse.presence.in:a"}

// The channels of Redis and of the gateways are refused, whether a configuration or a
// client names them.
func TestReservedChannels(t *testing.T) {
	app, reached := newCounter(t)
	g, server := gatewaytest.StartWithRedis(t, `http://{$ADDR} {
	sse_subscribe /live/* {path.1}
	sse_subscribe /member chat:1 {
		presence ann {
			channel {query.channel}
		}
	}
	sse_publish /say/* {path.1}
	sse_publish /answer/* {path.1} {
		from_response
	}
	sse_history /history/* {path.1}
	sse_presence /members/* {path.1}
	reverse_proxy `+app+`
}`)
	heard := server.Client().PSubscribe(t.Context(), "__*")
	t.Cleanup(func() { _ = heard.Close() })
	if _, err := heard.Receive(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, channel := range reservedChannels {
		for _, r := range [][3]string{
			{"HEAD", "/live/" + channel, "text/event-stream"},
			{"GET", "/live/" + channel, "text/event-stream"},
			{"GET", "/member?channel=" + channel, "text/event-stream"},
			{"GET", "/history/" + channel, "application/json"},
			{"GET", "/members/" + channel, "application/json"},
		} {
			response, _ := gatewaytest.Do(t, r[0], "http://"+g.Addr+r[1], "", "Accept: "+r[2])
			if response.StatusCode != 400 || r[0] == "GET" && !strings.Contains(response.Header.Get("Sse-Error"), "must not begin with") {
				t.Errorf("%s %s: %s %q", r[0], r[1], response.Status, response.Header.Get("Sse-Error"))
			}
		}
		response, _ := gatewaytest.Do(t, "POST", "http://"+g.Addr+"/say/"+channel, "x")
		if response.StatusCode != 400 || !strings.Contains(response.Header.Get("Sse-Error"), "must not begin with") {
			t.Errorf("publishing to %s: %s %q", channel, response.Status, response.Header.Get("Sse-Error"))
		}
		response, body := gatewaytest.Do(t, "POST", "http://"+g.Addr+"/answer/"+channel, "x")
		if response.StatusCode != 200 || body != "the app" || response.Header.Get("Sse-Publish") != "failed" {
			t.Errorf("from_response to %s: %s %v", channel, response.Status, response.Header)
		}
		response, _ = gatewaytest.Do(t, "POST", g.Admin+"/sse/publish", `{"channel":"`+channel+`","data":"x"}`)
		if response.StatusCode != http.StatusBadRequest {
			t.Errorf("the admin endpoint publishes to %s: %s", channel, response.Status)
		}
		response, _ = gatewaytest.Do(t, "GET", g.Admin+"/sse/tail?channel="+channel, "")
		if response.StatusCode != http.StatusBadRequest {
			t.Errorf("the admin endpoint tails %s: %s", channel, response.Status)
		}
	}
	if reached.Load() != int64(len(reservedChannels)) {
		t.Errorf("the app was asked %d times", reached.Load())
	}
	select {
	case m := <-heard.Channel():
		t.Errorf("%q was published to %s", m.Payload, m.Channel)
	default:
	}
}
