package publish_test

import (
	"fmt"
	"regexp"
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// What cannot be stored when Caddy ends is given up, and the log says how much.
func TestEndWithABacklog(t *testing.T) {
	t.Parallel()
	app := newEcho(t)
	server := redistest.Start(t)
	g := gatewaytest.Start(t, gatewaytest.RedisOption(server), answers(app))
	gatewaytest.Do(t, "POST", "http://"+g.Addr+"/store/c", "before")
	server.Kill()
	redistest.Await(t, "a queue", func() bool {
		r, _ := gatewaytest.Do(t, "POST", "http://"+g.Addr+"/store/c", "meanwhile")
		return r.Header.Get("Sse-Publish") == "queued"
	})
	for i := range 4 {
		gatewaytest.Do(t, "POST", "http://"+g.Addr+"/store/c", fmt.Sprint(i))
	}
	g.Stop()
	if !regexp.MustCompile(`events that waited to be stored were given up, since the gateway ends.*"events": ?5`).MatchString(g.Log()) {
		t.Errorf("the log does not say it: %s", g.Log())
	}
}
