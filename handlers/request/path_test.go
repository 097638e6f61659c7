package request_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-sse/caddy-sse/handlers/request"
)

func TestPath(t *testing.T) {
	taken, fixed := request.PathIn("chat:{http.request.uri.path.1}"), request.PathIn("chat:1")
	for _, test := range []struct {
		uri         string
		taken, both error // both: whether or not a part is taken
	}{
		{"/", nil, nil},
		{"/rooms/7/subscribe", nil, nil},
		{"/rooms/7/", nil, nil},
		{"/rooms/a%20b", nil, nil},
		{"/rooms/%F0%9F%A6%86", nil, nil},
		{"/rooms/J.R.", nil, nil},
		{"/rooms/...", nil, nil},
		{"/rooms/a;b=c", nil, nil},
		{"/rooms/100%25", nil, nil},
		{"/rooms/7?back=%2F..%2F%5C//", nil, nil},
		{"http://example.com", nil, nil},
		{"http://example.com/rooms/../7", request.ErrUnclean, request.ErrUnclean},
		{"/rooms/vip/../x", request.ErrUnclean, request.ErrUnclean},
		{"/rooms/vip/%2e%2e/x", request.ErrUnclean, request.ErrUnclean},
		{"/rooms/vip%2f../x", request.ErrUnclean, request.ErrUnclean},
		{"/rooms/vip/%2E/x", request.ErrUnclean, request.ErrUnclean},
		{"/rooms/./x", request.ErrUnclean, request.ErrUnclean},
		{"/rooms/x/..", request.ErrUnclean, request.ErrUnclean},
		{"/rooms//x", request.ErrUnclean, request.ErrUnclean},
		{"//rooms/x", request.ErrUnclean, request.ErrUnclean},
		{"/rooms/x//", request.ErrUnclean, request.ErrUnclean},
		{"/rooms/%2Fx", request.ErrUnclean, request.ErrUnclean},
		{"mailto:x", request.ErrUnclean, request.ErrUnclean},
		{"/rooms/a%2Fb", request.ErrEncoded, nil},
		{"/rooms/a%2fb", request.ErrEncoded, nil},
		{"/rooms/a%5Cb", request.ErrEncoded, nil},
		{"/rooms/a%5cb", request.ErrEncoded, nil},
		{`/rooms/a\b`, request.ErrEncoded, nil},
		{"/rooms/7/..;/8", request.ErrEncoded, nil},
		{"/rooms/7/..%3Bx/8", request.ErrEncoded, nil},
	} {
		u, err := url.ParseRequestURI(test.uri)
		if err != nil {
			t.Fatal(err)
		}
		r := &http.Request{URL: u}
		if got := taken.Check(r); !errors.Is(got, test.taken) {
			t.Errorf("%s, a part taken: got %v, want %v", test.uri, got, test.taken)
		}
		if got := fixed.Check(r); !errors.Is(got, test.both) {
			t.Errorf("%s: got %v, want %v", test.uri, got, test.both)
		}
	}
}

// A rewrite does not hide how the path was sent.
func TestPathAsItWasSent(t *testing.T) {
	sent := *httptest.NewRequest("GET", "/api/vip/../7", nil)
	r := httptest.NewRequest("GET", "/rooms/7", nil)
	r = r.WithContext(context.WithValue(r.Context(), caddyhttp.OriginalRequestCtxKey, sent))
	if err := request.PathIn().Check(r); !errors.Is(err, request.ErrUnclean) {
		t.Errorf("got %v", err)
	}
}

func TestPathIn(t *testing.T) {
	encoded := httptest.NewRequest("GET", "/a%2Fb", nil)
	for text, isTaken := range map[string]bool{
		"chat:1":                                      false,
		"chat:{http.request.uri.query.room}":          false,
		"user:{http.request.header.X-User-Id}":        false,
		"user:{http.auth.user.id}":                    false,
		`{"a":"{http.request.cookie.b}"}`:             false,
		"{env.PREFIX}:1":                              false,
		"room:{sse.response.json.room.id}":            false,
		"chat:{http.request.uri.path.1}":              true,
		"chat:{http.request.uri}":                     true,
		"chat:{http.request.uri.path.file}":           true,
		"chat:{http.request.uri.path.dir}":            true,
		"chat:{http.request.orig_uri.path.1}":         true,
		"chat:{http.regexp.room.1}":                   true,
		"chat:{http.vars.room}":                       true,
		"chat:{room}":                                 true, // of map
		`{"a":"{http.request.uri.path.1}"}`:           true,
		"{http.request.host}:{http.request.uri.path}": true,
	} {
		if got := request.PathIn(text).Check(encoded) != nil; got != isTaken {
			t.Errorf("%s: taken is %v", text, got)
		}
	}
}
