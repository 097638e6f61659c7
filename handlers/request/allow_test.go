package request

import (
	"errors"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
)

// What a client or a token says cannot widen a pattern into which it is filled.
func TestAllow(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		allow       Allow
		value, name string // value of {v}
		isAllowed   bool
	}{
		{nil, "", "anything", true},
		{Allow{"chat:*"}, "", "chat:42", true},
		{Allow{"chat:*"}, "", "user:7", false},
		{Allow{"chat:*", "user:7"}, "", "user:7", true},
		{Allow{"user:{v}"}, "7", "user:7", true},
		{Allow{"user:{v}"}, "7", "user:77", false},
		{Allow{"user:{v}"}, "*", "user:7", false},
		{Allow{"user:{v}"}, "*", "user:*", true},
		{Allow{"user:{v}"}, "7 user:8", "user:8", false},
		{Allow{"user:{v}:*"}, "7", "user:7:a", true},
		{Allow{"user:{v}:*"}, "7", "user:7", false},
		{Allow{"user:{v}"}, "", "user:", false},
		{Allow{"user:{nothing}"}, "7", "user:", false},
		{Allow{"{v}"}, "chat:* user:7", "chat:42", true},
		{Allow{"{v}"}, "chat:* user:7", "user:7", true},
		{Allow{"{v}"}, "chat:* user:7", "user:8", false},
		{Allow{"{v}"}, "", "", false},
		{Allow{"{nothing}"}, "", "chat:42", false},
	} {
		repl := caddy.NewEmptyReplacer()
		repl.Set("v", test.value)
		if err := test.allow.CheckNames(repl, test.name); (err == nil) != test.isAllowed || err != nil && !errors.Is(err, ErrNotAllowed) {
			t.Errorf("%q with %q: %q: %v", test.allow, test.value, test.name, err)
		}
	}
	if err := (Allow{"a", "b"}).CheckNames(caddy.NewEmptyReplacer(), "a", "c"); err == nil {
		t.Error("one of two is enough")
	}
}

func TestAllowCheck(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                 "a pattern is empty",
		"{http.request.uri.query.channel}": "would allow it everything", "{http.request.cookie.channels}": "would allow it everything",
		"user:{http.request.uri.query.user}": "", "{http.auth.user.channels}": "", "chat:*": "",
	} {
		err := Allow{text}.Check()
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
