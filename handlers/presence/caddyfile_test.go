package presence_test

import (
	"strings"
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/configtest"
)

func TestPresenceCaddyfile(t *testing.T) {
	for lines, want := range map[string]string{
		"sse_presence /a/* chat:{path.1} {\nlimit 5\n}": `{"channel":"chat:{http.request.uri.path.1}","handler":"sse_presence","limit":5}`,
	} {
		if got, err := configtest.Adapt(t, lines); err != nil || !strings.Contains(got, want) {
			t.Errorf("%s\nbecame %s, %v", lines, got, err)
		}
	}
}

func TestPresenceCaddyfileErrors(t *testing.T) {
	for lines, want := range map[string]string{
		"sse_presence":                 "sse_presence needs a channel",
		"sse_presence a b":             "sse_presence takes one channel",
		"sse_presence a {\nlimit 0\n}": `limit: "0" is not a whole number from 1 to 100000`,
	} {
		if _, err := configtest.Adapt(t, lines); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\ngot %v\nwant %s", lines, err, want)
		}
	}
}
