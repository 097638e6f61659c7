package publish_test

import (
	"strings"
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/configtest"
)

func TestStoreCaddyfile(t *testing.T) {
	for lines, want := range map[string]string{
		"sse_publish a {\nstore\n}":                         `"store":{}`,
		"sse_publish a {\nstore maxlen 5\n}":                `"store":{"maxlen":5}`,
		"sse_publish a {\nstore wait 1 100ms maxlen 5\n}":   `"store":{"maxlen":5,"wait":{"replicas":1,"timeout":100000000}}`,
		"sse_publish a {\nstore ttl 7d maxlen unlimited\n}": `"store":{"maxlen":-1,"ttl":604800000000000}`,
	} {
		if got, err := configtest.Adapt(t, lines); err != nil || !strings.Contains(got, want) {
			t.Errorf("%s\nbecame %s, %v", lines, got, err)
		}
	}
}

func TestStoreCaddyfileErrors(t *testing.T) {
	for lines, want := range map[string]string{
		"sse_publish a {\nstore 5\n}":                 `store: unknown word "5": it is one of maxlen, ttl, wait, at Caddyfile:3`,
		"sse_publish a {\nstore wait\n}":              "store: wait needs a value, at Caddyfile:3",
		"sse_publish a {\nstore wait 1\n}":            "store: wait: it needs a duration, too, like: wait 1 100ms, at Caddyfile:3",
		"sse_publish a {\nstore wait 0 1s\n}":         `store: wait: "0" is not a number of replicas from 1 to 100, at Caddyfile:3`,
		"sse_publish a {\nstore wait 101 1s\n}":       "store: wait: replicas is a whole number from 1 to 100, not 101, at Caddyfile:3",
		"sse_publish a {\nstore wait 1 5\n}":          `store: wait: "5" is not a duration from 1ms to 2s, like 100ms, at Caddyfile:3`,
		"sse_publish a {\nstore wait 1 3s\n}":         "store: wait: timeout",
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
	} {
		if _, err := configtest.Adapt(t, lines); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\ngot %v\nwant %s", lines, err, want)
		}
	}
}
