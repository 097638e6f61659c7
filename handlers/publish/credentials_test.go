package publish_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// While a password is changed, nothing that is to be stored is lost, and the
// health tells, though live events arrive as before.
func TestCredentialsThatAreRefusedForAWhile(t *testing.T) {
	t.Parallel()
	app := newEcho(t)
	server := redistest.Start(t)
	server.Do("ACL", "SETUSER", "gateway", "on", ">secret", "~*", "&*", "+@all")
	g := gatewaytest.Start(t, "\tsse {\n\t\tredis "+server.URL("gateway:secret")+"\n\t}",
		answers(app)+"\nhttp://localhost:{$PORT} {\n\tsse_health /health\n}")
	health := strings.Replace("http://"+g.Addr, "127.0.0.1", "localhost", 1) + "/health"
	status := func(query string) (int, string) {
		r, body := gatewaytest.Do(t, "GET", health+query, "")
		return r.StatusCode, body
	}
	redistest.Await(t, "health", func() bool { code, _ := status(""); return code == 200 })
	server.Do("ACL", "SETUSER", "gateway", "resetpass", ">other")
	server.Do("CLIENT", "KILL", "TYPE", "normal")
	for i := range 20 {
		r, _ := gatewaytest.Do(t, "POST", "http://"+g.Addr+"/store/c", fmt.Sprint(i))
		if r.StatusCode != 200 || r.Header.Get("Sse-Publish") != "queued" {
			t.Errorf("%s %v", r.Status, r.Header)
		}
	}
	redistest.Await(t, "the health to tell", func() bool {
		code, body := status("")
		return code == 503 && strings.Contains(body, "redis refuses the username or password: new connections to it are refused")
	})
	if code, body := status("?ready"); code != 200 {
		t.Errorf("who is here is not served: %s", body)
	}
	server.Do("ACL", "SETUSER", "gateway", "resetpass", ">secret")
	redistest.Await(t, "what was queued", func() bool { return server.Do("XLEN", "c") == int64(20) })
	redistest.Await(t, "health again", func() bool { code, _ := status(""); return code == 200 })
}
