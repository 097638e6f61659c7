package subscribe_test

import (
	"strings"
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/configtest"
)

func TestMembershipCaddyfile(t *testing.T) {
	for lines, want := range map[string]string{
		"sse_subscribe a {\npresence {query.u}\n}":                                `"presence":{"member":"{http.request.uri.query.u}"}`,
		"sse_subscribe a {\npresence u `{\"a\":\"{query.u}\"}` {\nlinger 0\n}\n}": `"presence":{"info":"{\"a\":\"{http.request.uri.query.u}\"}","linger":-1,"member":"u"}`,
	} {
		if got, err := configtest.Adapt(t, lines); err != nil || !strings.Contains(got, want) {
			t.Errorf("%s\nbecame %s, %v", lines, got, err)
		}
	}
}

func TestMembershipCaddyfileErrors(t *testing.T) {
	for lines, want := range map[string]string{
		"sse_subscribe a {\npresence\n}":                "presence takes a member, and may take info in JSON, in backquotes, at Caddyfile:3",
		"sse_subscribe a {\npresence a b c\n}":          "presence takes a member",
		"sse_subscribe a {\npresence a `{\"b\":}`\n}":   `presence: info: the text begins like JSON, but is not JSON: {"b":}, at Caddyfile:3`,
		"sse_subscribe a {\npresence a {\nttl 5s\n}\n}": `unknown subdirective "ttl": it is one of channel, linger`,
	} {
		if _, err := configtest.Adapt(t, lines); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\ngot %v\nwant %s", lines, err, want)
		}
	}
}
