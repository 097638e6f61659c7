package blackbox_test

import (
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
)

// A Redis whose memory is full refuses to write, and to queue anything in a
// transaction, but not to read: subscribers are replayed what they missed, and members are listed.
func TestReadsWhileRedisIsFull(t *testing.T) {
	g, server := gatewaytest.StartWithRedis(t, resumeSite)
	server.Do("CONFIG", "SET", "maxmemory-policy", "noeviction")
	for _, id := range []string{"1-0", "2-0", "3-0", "4-0", "5-0"} {
		server.Add("chat", id, "event "+id)
	}
	server.Do("XTRIM", "chat", "MAXLEN", 4)
	member := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), "http://"+g.Addr+"/member/room/ann")
	member.Await("sse.join")
	server.Do("CONFIG", "SET", "maxmemory", 1)
	if err := server.Client().Set(t.Context(), "key", "value", 0).Err(); !redis.HasErrorPrefix(err, "OOM") {
		t.Fatalf("redis is not full: %v", err)
	}
	gatewaytest.ComeBack(t, g, "/last/chat", "").AwaitData("data: event 3-0\n\ndata: event 4-0\n\ndata: event 5-0\n\n")
	late := gatewaytest.ComeBack(t, g, "/h/chat", "1-0")
	late.Await(`{"channel":"chat","reason":"trimmed","from":"1-0",`)
	late.AwaitData("data: event 2-0\n\ndata: event 3-0\n\ndata: event 4-0\n\ndata: event 5-0\n\n")
	gatewaytest.ComeBack(t, g, "/h/chat", "4-0").Await("id: 5-0\ndata: event 5-0\n\n")
	if r, body := gatewaytest.Do(t, "GET", "http://"+g.Addr+"/members/room", ""); r.StatusCode != 200 || !strings.Contains(body, `"ann"`) {
		t.Errorf("the members are answered with %s %s", r.Status, body)
	}
}
