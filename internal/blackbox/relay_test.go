package blackbox_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// Over every transport, what answers a POST is relayed: its client gets all of it, and no
// half of it for a whole one; and what is no event stream passes.
func TestRelayEverywhere(t *testing.T) {
	t.Parallel()
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "json"):
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"a":1}`)
			return
		case strings.HasSuffix(r.URL.Path, "lost"):
			defer panic(http.ErrAbortHandler)
		}
		w.Header().Set("Content-Type", "text/event-stream")
		for n := range 1000 {
			fmt.Fprintf(w, "data: %d\n\n", n)
		}
		_ = http.NewResponseController(w).Flush()
	}))
	t.Cleanup(app.Close)
	var all strings.Builder
	for n := range 1000 {
		fmt.Fprintf(&all, "data: %d\n\n", n)
	}
	_, ways := startEverywhere(t, redistest.Start(t), "sse_relay /ask/* {path.1}\nreverse_proxy "+app.Listener.Addr().String())
	for name, way := range ways {
		channel := strings.NewReplacer(" ", "", "/", "").Replace(name) // one part of a path
		for _, end := range []string{"done", "lost"} {
			s := gatewaytest.Ask(t, way.client, "POST", way.url+"/ask/"+channel+end, "hello")
			if err := s.AwaitEnd(); (err == nil) != (end == "done") {
				t.Errorf("%s over %s ended with %v", end, name, err)
			}
			if _, text, _ := strings.Cut(s.Data(), "\n"); text != all.String() {
				t.Errorf("%s over %s: got %d bytes, not %d", end, name, len(text), all.Len())
			}
		}
		if response, body := gatewaytest.DoBy(t, way.client, "POST", way.url+"/ask/"+channel+"json", "hello"); body != `{"a":1}` || response.Header.Get("Content-Type") != "application/json" {
			t.Errorf("over %s: got %q, %v", name, body, response.Header)
		}
	}
}
