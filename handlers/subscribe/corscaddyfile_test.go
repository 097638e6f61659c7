package subscribe_test

import (
	"strings"
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/configtest"
)

func TestGateAndCORSCaddyfileErrors(t *testing.T) {
	for lines, want := range map[string]string{
		"sse_subscribe a {\ncors\n}":                                "cors needs an origin, like https://app.example.com, at Caddyfile:3",
		"sse_subscribe a {\ncors app.example.com\n}":                `cors: "app.example.com" is not an origin, like https://app.example.com`,
		"sse_subscribe a {\ncors https://app.example.com/\n}":       "is not an origin",
		"sse_subscribe a {\ncors https://App.example.com\n}":        "in lower case",
		"sse_subscribe a {\ncors https://app.example.com:443\n}":    "browsers leave the scheme's own port out: https://app.example.com",
		"sse_subscribe a {\ncors * https://a.example.com\n}":        "* lets all origins in, so it stands alone",
		"sse_subscribe a {\ncors {env.NOT_THERE_AT_ALL}\n}":         "cors: ",
		"sse_subscribe a {\ngate {\n}\n}":                           "gate is empty, and would let everyone in",
		"sse_subscribe a {\ngate forward_auth\n}":                   "gate takes no argument, only a block of directives",
		"sse_subscribe a {\ngate {\nforward_aut x\n}\n}":            "unrecognized directive: forward_aut",
		"sse_subscribe a {\ngate {\nrespond x\n}\ngate {\n\n}\n\n}": "gate stands here twice",
	} {
		if _, err := configtest.Adapt(t, lines); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\ngave %v, not %s", lines, err, want)
		}
	}
}
