package blackbox_test

import (
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// A master that takes another's place may not know who has come, and who has left, since a
// moment ago. It is told, soon.
func TestPresenceAfterLoss(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	g := gatewaytest.Start(t, "\tsse {\n\t\tredis "+server.Addr+"\n\t\tdrain 0\n\t\tpresence_ttl 3s\n\t}", roomSite)
	come := func(member string) *gatewaytest.Stream {
		t.Helper()
		s := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), "http://"+g.Addr+"/room?member="+member)
		s.Await("id: ")
		return s
	}
	count := func(n int) func() bool { return func() bool { return membersAt(t, g) == n } }
	come("ann")
	bob := come("bob")
	redistest.Await(t, "two members", count(2))
	before := server.Do("HGETALL", "sse.presence.in:room").([]any)
	bob.Leave()
	redistest.Await(t, "one member", count(1))
	come("eve")
	come("dan")
	redistest.Await(t, "three members", count(3))

	server.Do("DEL", "sse.presence.in:room")
	server.Do(append([]any{"HSET", "sse.presence.in:room"}, before...)...)
	if n := membersAt(t, g); n != 2 {
		t.Fatalf("%d members are known to the server that has not been told", n)
	}
	server.Do("CLIENT", "KILL", "TYPE", "pubsub")
	redistest.Await(t, "the members that there are", count(3))
}
