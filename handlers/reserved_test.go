package handlers_test

import (
	"strings"
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/configtest"
)

// The channels of Redis and of the gateways are refused wherever a configuration names
// them. It runs alone: Caddy provisions one configuration at a time.
func TestReservedChannelsInTheConfiguration(t *testing.T) {
	for _, channel := range []string{
		"__keyevent@0__:set", "__keyspace@0__:chat:1", "__sentinel__:hello", "__redis__:invalidate", "sse.probe.x", "sse.presence.in:a", "__keyevent@0__:{path.1}", "sse.{path.1}",
	} {
		for _, lines := range []string{
			"sse_subscribe " + channel,
			"sse_subscribe {\nchannel " + channel + "\n}",
			"sse_subscribe a {\npresence ann {\nchannel " + channel + "\n}\n}",
			"sse_publish " + channel,
			"sse_history " + channel,
			"sse_presence " + channel,
		} {
			if _, err := configtest.Adapt(t, lines); err == nil || !strings.Contains(err.Error(), "must not begin with") || !strings.Contains(err.Error(), "Caddyfile:") {
				t.Errorf("%s: %v", lines, err)
			}
		}
		for _, handler := range []string{
			`{"handler":"sse_subscribe","channels":["` + channel + `"]}`,
			`{"handler":"sse_subscribe","channels":["a"],"presence":{"member":"b","channels":["` + channel + `"]}}`,
			`{"handler":"sse_publish","channel":"` + channel + `"}`,
			`{"handler":"sse_history","channel":"` + channel + `"}`,
			`{"handler":"sse_presence","channel":"` + channel + `"}`,
		} {
			err := configtest.ValidateHandler(t, handler)
			if err == nil || !strings.Contains(err.Error(), "must not begin with") {
				t.Errorf("%s: %v", handler, err)
			}
		}
	}
}
