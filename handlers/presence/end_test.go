package presence_test

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

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
