package blackbox_test

import (
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// An answer that waits for a replica says whether that has the event. Subscribers have it
// in any case.
func TestStoreWaits(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--repl-diskless-sync-delay", "0", "--user", "narrow", "on", ">narrow", "~*", "&*", "+@all", "-wait")
	host, port, _ := net.SplitHostPort(server.Addr)
	replica := redistest.Start(t, "--replicaof", host+" "+port)
	redistest.Await(t, "the replica", func() bool {
		role := replica.Do("ROLE").([]any)
		return role[3] == "connected"
	})
	site := `http://{$ADDR} {
	sse_subscribe /events chat
	sse_publish /quick chat {
		store wait 1 50ms
	}
	sse_publish /patient chat {
		store wait 1 2s
	}
	sse_publish /plain chat {
		store
	}
	route /said {
		sse_publish chat {
			from_response
			store wait 1 50ms
		}
		respond said
	}
}`
	g := gatewaytest.Start(t, gatewaytest.RedisOption(server), site)
	s := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), "http://"+g.Addr+"/events")
	s.Await("id: ")
	post := func(g *gatewaytest.Gateway, path, text, want string) {
		t.Helper()
		r, body := gatewaytest.Do(t, "POST", "http://"+g.Addr+path, text)
		if r.StatusCode != http.StatusOK || !strings.Contains(body, want) || strings.Contains(body, "replicated") != strings.Contains(want, "replicated") {
			t.Errorf("%s: %s %s", path, r.Status, body)
		}
		s.Await("data: " + text + "\n")
	}
	post(g, "/patient", "one", `"replicated":true}`) // the server does not know the script yet
	post(g, "/patient", "two", `"replicated":true}`)
	post(g, "/plain", "three", `"id":`)

	replica.Freeze()
	post(g, "/quick", "four", `"replicated":false}`)
	if r, body := gatewaytest.Do(t, "POST", "http://"+g.Addr+"/said", ""); r.Header.Get("Sse-Publish") != "" {
		t.Errorf("an answer: %s %s", r.Status, body)
	}
	s.Await("data: said\n")
	replica.Thaw()
	if n := strings.Count(g.Log(), "too few replicas of redis are known to have it"); n != 1 {
		t.Errorf("the log says %d times that there are too few", n)
	}

	narrow := gatewaytest.Start(t, "\tsse {\n\t\tredis "+server.URL("narrow:narrow")+"\n\t\tdrain 0\n\t}", site)
	post(narrow, "/patient", "five", `"replicated":false}`)
	redistest.Await(t, "the log to say that the user may not wait", func() bool { return strings.Contains(narrow.Log(), "NOPERM") })
	if n := server.Do("XLEN", "chat"); n != int64(6) {
		t.Errorf("there are %d entries", n)
	}
}
