package handlers_test

import (
	"fmt"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// What cannot be stored when Caddy ends is given up, and the log says how much.
func TestEndWithABacklog(t *testing.T) {
	t.Parallel()
	app := newEcho(t)
	server := redistest.Start(t)
	g := gatewaytest.Start(t, redisOption(server), answers(app))
	gatewaytest.Do(t, "POST", "http://"+g.Addr+"/store/c", "before")
	server.Kill()
	redistest.Await(t, "a queue", func() bool {
		r, _ := gatewaytest.Do(t, "POST", "http://"+g.Addr+"/store/c", "meanwhile")
		return r.Header.Get("Sse-Publish") == "queued"
	})
	for i := range 4 {
		gatewaytest.Do(t, "POST", "http://"+g.Addr+"/store/c", fmt.Sprint(i))
	}
	if took := g.Stop(); took > 6*time.Second {
		t.Errorf("it took %s", took)
	}
	if !regexp.MustCompile(`events that waited to be stored were given up, since the gateway ends.*"events": ?5`).MatchString(g.Log()) {
		t.Errorf("the log does not say it: %s", g.Log())
	}
}

// The members of a gateway that ends stay for 10 seconds, not for its lease.
func TestEndWithMembers(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	g := gatewaytest.Start(t, "\tsse {\n\t\tredis "+server.Addr+"\n\t\tdrain 0\n\t}", presenceSite)
	join(t, g, "/rooms/1?user=ann") // for whom it lingers
	join(t, g, "/live/1?user=ben")
	awaitWho(t, g, "1", "ann", "ben")
	g.Stop()
	leases := server.Client().ZRangeWithScores(t.Context(), "sse.presence.gateways", 0, -1).Val()
	if len(leases) != 1 {
		t.Fatal(leases)
	}
	if left := time.Until(time.UnixMilli(int64(leases[0].Score))); left > 10*time.Second {
		t.Errorf("its members stay for %s", left)
	}
	in := server.Do("HLEN", "sse.presence.in:room:1")
	if n, _ := strconv.Atoi(fmt.Sprint(in)); n != 1 {
		t.Errorf("%d members are left", n)
	}
}
