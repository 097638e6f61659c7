package subscribe_test

import (
	"strings"
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/configtest"
)

func TestLimitsCaddyfileErrors(t *testing.T) {
	for lines, want := range map[string]string{
		"sse_subscribe a {\nlimits {\nsubscribers 0\n}\n}":               "subscribers takes a whole number from 1 to 1000000000, or unlimited, at Caddyfile:4",
		"sse_subscribe a {\nlimits {\nsubscribers 5 6\n}\n}":             "subscribers takes a whole number from 1 to 1000000000, or unlimited",
		"sse_subscribe a {\nlimits {\nsubscribers 5 {\nx\n}\n}\n}":       `unexpected "x": there is no block here`,
		"sse_subscribe a {\nlimits {\nconnect_rate 5\n}\n}":              `connect_rate: "5" is not a rate, like 10/s or 0.5/s`,
		"sse_subscribe a {\nlimits {\nchannels 5\n}\n}":                  `unknown subdirective "channels"`,
		"sse_subscribe a {\nlimits {\noverload drop\n}\n}":               `overload is busy or refuse, not "drop"`,
		"sse_subscribe a {\nlimits {\nsubscribers_per_member 2\n}\n}":    "subscribers_per_member needs presence",
		"sse_subscribe a b {\nlimits {\nchannels_per_subscriber 1\n}\n}": "a subscriber may have 1 channels (limits { channels_per_subscriber }), not 2",
		"sse_subscribe a {\nlimits 5\n}":                                 "limits takes no argument, only a block",
	} {
		if _, err := configtest.Adapt(t, lines); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\ngave %v, not %s", lines, err, want)
		}
	}
}
