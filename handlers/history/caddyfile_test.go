package history_test

import (
	"strings"
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/configtest"
)

func TestHistoryCaddyfile(t *testing.T) {
	for lines, want := range map[string]string{
		"sse_history /a/* chat:{path.1}":                     `{"channel":"chat:{http.request.uri.path.1}","handler":"sse_history"}`,
		"sse_history {\nchannel a\nformat json\nlimit 20\n}": `{"channel":"a","format":"json","handler":"sse_history","limit":20}`,
	} {
		if got, err := configtest.Adapt(t, lines); err != nil || !strings.Contains(got, want) {
			t.Errorf("%s\nbecame %s, %v", lines, got, err)
		}
	}
}

func TestHistoryCaddyfileErrors(t *testing.T) {
	for lines, want := range map[string]string{
		"sse_history":                          "sse_history needs a channel, at Caddyfile:2",
		"sse_history /x":                       "sse_history needs a channel, at Caddyfile:2",
		"sse_history a b":                      "sse_history takes one channel, at Caddyfile:2",
		"sse_history a {\nchannel b\n}":        "sse_history takes one channel, at Caddyfile:3",
		"sse_history \"a b\"":                  "must not hold spaces",
		"sse_history a {\nlimit 0\n}":          `limit: "0" is not a whole number from 1 to 1000, at Caddyfile:3`,
		"sse_history a {\nlimit 1001\n}":       "limit is a whole number from 1 to 1000, not 1001, at Caddyfile:3",
		"sse_history a {\nlimit many\n}":       `limit: "many" is not`,
		"sse_history a {\nlimit\n}":            "limit takes one number, at Caddyfile:3",
		"sse_history a {\nlimit 5 6\n}":        "limit takes one number",
		"sse_history a {\nlimit 5\nlimit 6\n}": "limit stands here twice, at Caddyfile:4",
		"sse_history a {\nformat xml\n}":       `unknown format "xml": it is text or json, at Caddyfile:3`,
		"sse_history a {\npage 5\n}":           `unknown subdirective "page": it is one of allow, channel, format, limit, signed, at Caddyfile:3`,
	} {
		if _, err := configtest.Adapt(t, lines); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\ngot %v\nwant %s", lines, err, want)
		}
	}
	for handler, want := range map[string]string{
		`{"handler":"sse_history","channel":"a","format":"xml"}`: "unknown format",
		`{"handler":"sse_history"}`:                              "needs a channel",
	} {
		if err := configtest.ValidateHandler(t, handler); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\ngot %v\nwant %s", handler, err, want)
		}
	}
}
