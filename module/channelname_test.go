package sse_test

import (
	"errors"
	"strings"
	"testing"

	sse "github.com/caddy-sse/caddy-sse/module"
)

func TestCheckChannel(t *testing.T) {
	for name, rule := range map[string]string{
		"chat:42": "", "*": "", "a/b": "", "🦆": "", "sse": "", "ssex.1": "", "_key": "", "__KEY": "", "user:__keyevent@0__:set": "",
		strings.Repeat("x", 256): "",
		"":                       "empty",
		strings.Repeat("x", 257): "longer than 256 bytes",
		"\xff":                   "UTF-8",
		"a b":                    "spaces",
		"a\u00a0b":               "spaces",
		"a\x01":                  "control characters",
		"__keyevent@0__:set":     "begin with __key",
		"__keyspace@0__:chat:42": "begin with __key",
		"__key":                  "begin with __key",
		"__sentinel__:hello":     "begin with __sentinel__:",
		"__redis__:invalidate":   "begin with __redis__:",
		"sse.probe.1":            "begin with sse.",
		"sse.presence.in:chat:1": "begin with sse.",
	} {
		err := sse.CheckChannel(name)
		if rule == "" && err != nil || rule != "" && (err == nil || !strings.Contains(err.Error(), rule)) {
			t.Errorf("%.30q: %v", name, err)
		}
		var told *sse.ChannelError
		if err != nil && (!errors.As(err, &told) || name != "" && name != "__key" && strings.Contains(told.Rule, name)) {
			t.Errorf("%.30q: clients are told %q", name, told.Rule)
		}
	}
}
