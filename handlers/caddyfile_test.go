package handlers_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/caddy-sse/caddy-sse"
)

// adapt turns a site's lines into JSON, and provisions it.
func adapt(t *testing.T, lines string) (string, error) {
	t.Helper()
	body, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(":8080 {\n"+lines+"\n}"), map[string]any{"filename": "Caddyfile"})
	if err != nil {
		return "", err
	}
	return string(body), validate(t, string(body))
}

func validate(t *testing.T, config string) error {
	t.Helper()
	var c *caddy.Config
	if err := json.Unmarshal([]byte(config), &c); err != nil {
		t.Fatal(err)
	}
	c.Admin = &caddy.AdminConfig{Disabled: true}
	return caddy.Validate(c)
}

func TestHistoryCaddyfile(t *testing.T) {
	for lines, want := range map[string]string{
		"sse_publish a {\nstore\n}":                          `"store":{}`,
		"sse_publish a {\nstore maxlen 5\n}":                 `"store":{"maxlen":5}`,
		"sse_publish a {\nstore ttl 7d maxlen unlimited\n}":  `"store":{"maxlen":-1,"ttl":604800000000000}`,
		"sse_history /a/* chat:{path.1}":                     `{"channel":"chat:{http.request.uri.path.1}","handler":"sse_history"}`,
		"sse_history {\nchannel a\nformat json\nlimit 20\n}": `{"channel":"a","format":"json","handler":"sse_history","limit":20}`,
	} {
		if got, err := adapt(t, lines); err != nil || !strings.Contains(got, want) {
			t.Errorf("%s\nbecame %s, %v", lines, got, err)
		}
	}
	got, err := adapt(t, "handle {\nrespond x\n}\nsse_history a\nbasic_auth {\nBob $2a$14$Zkx19XLiW6VYouLHR5NmfOFU0z2GTNmpkT/5qqR7hx4IjWJPDhjvG\n}")
	if err != nil {
		t.Fatal(err)
	}
	auth, history, respond := strings.Index(got, `"authentication"`), strings.Index(got, `"sse_history"`), strings.Index(got, `"static_response"`)
	if auth > history || history > respond {
		t.Errorf("sse_history is not between authentication and handle:\n%s", got)
	}
}

func TestHistoryCaddyfileErrors(t *testing.T) {
	for lines, want := range map[string]string{
		"sse_publish a {\nstore 5\n}":                 `store: unknown word "5": it is one of maxlen, ttl, at Caddyfile:3`,
		"sse_publish a {\nstore maxlen\n}":            "store: maxlen needs a value, at Caddyfile:3",
		"sse_publish a {\nstore maxlen 0\n}":          `store: maxlen: "0" is not a whole number from 1 to 1000000000, or unlimited, at Caddyfile:3`,
		"sse_publish a {\nstore maxlen -1\n}":         `store: maxlen: "-1" is not`,
		"sse_publish a {\nstore maxlen 1k\n}":         `store: maxlen: "1k" is not`,
		"sse_publish a {\nstore maxlen 1000000001\n}": "store: maxlen is a whole number from 1 to 1000000000, not 1000000001, at Caddyfile:3",
		"sse_publish a {\nstore maxlen 5 maxlen 6\n}": "store: maxlen stands here twice, at Caddyfile:3",
		"sse_publish a {\nstore ttl 1h ttl 1h\n}":     "store: ttl stands here twice, at Caddyfile:3",
		"sse_publish a {\nstore ttl\n}":               "store: ttl needs a value, at Caddyfile:3",
		"sse_publish a {\nstore ttl 5\n}":             `store: ttl: "5" is not a duration from 1ms, like 24h or 7d, at Caddyfile:3`,
		"sse_publish a {\nstore ttl 0s\n}":            `store: ttl: "0s" is not a duration`,
		"sse_publish a {\nstore\nstore\n}":            "store stands here twice, at Caddyfile:4",
		"sse_publish a {\nstore {\nmaxlen 5\n}\n}":    `unexpected "maxlen": there is no block here, at Caddyfile:4`,
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
		"sse_history a {\npage 5\n}":           `unknown subdirective "page": it is one of channel, format, limit, at Caddyfile:3`,
	} {
		if _, err := adapt(t, lines); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\ngot %v\nwant %s", lines, err, want)
		}
	}
	for handler, want := range map[string]string{
		`{"handler":"sse_history","channel":"a","format":"xml"}`: "unknown format",
		`{"handler":"sse_history"}`:                              "needs a channel",
	} {
		err := validate(t, `{"apps":{"http":{"servers":{"s":{"listen":[":8080"],"routes":[{"handle":[`+handler+`]}]}}}}}`)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\ngot %v\nwant %s", handler, err, want)
		}
	}
}
