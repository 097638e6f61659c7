package request_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/caddy-sse/caddy-sse/handlers/request"
)

// A type is accepted if it is named, or if nothing but wildcards are.
func TestAccepts(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		accept         []string
		events, isJSON bool
	}{
		{nil, true, true},
		{[]string{""}, true, true},
		{[]string{" , "}, true, true},
		{[]string{"text/event-stream"}, true, false},
		{[]string{"Text/Event-Stream; charset=utf-8"}, true, false},
		{[]string{"application/json"}, false, true},
		{[]string{"application/json, text/event-stream"}, true, true},
		{[]string{"application/json", "text/event-stream;q=0.1"}, true, true},
		{[]string{"*/*"}, true, true},
		{[]string{"*"}, true, true},
		{[]string{"text/*"}, true, false},
		{[]string{"application/*;q=0.5"}, false, true},
		{[]string{"application/json, */*"}, false, true},
		{[]string{"text/html, */*;q=0.8"}, false, false},
		{[]string{"*/*;q=0"}, false, false},
		{[]string{"text/event-stream; q=0, */*"}, false, false},
		{[]string{"text/event-stream; Q = 0.000"}, false, false},
		{[]string{"text/event-stream; q=x"}, true, false},
		{[]string{"nonsense"}, true, true},
		{[]string{"nonsense, text/html"}, false, false},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header["Accept"] = test.accept
		if got := request.Accepts(r, "text/event-stream"); got != test.events {
			t.Errorf("%q: events are accepted: %v", test.accept, got)
		}
		if got := request.AsksForJSON(r); got != test.isJSON {
			t.Errorf("%q: JSON is asked for: %v", test.accept, got)
		}
		r.Method = http.MethodPost
		if request.AsksForJSON(r) {
			t.Errorf("%q: a POST asks for JSON", test.accept)
		}
	}
}
