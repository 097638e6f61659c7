package admin_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
	"github.com/caddy-sse/caddy-sse/module/admin"
)

// Filters and bans know clients by the networks that limits count.
func TestClientsAreNetworks(t *testing.T) {
	g, _ := start(t)
	from := func(ip string) string { return "X-Forwarded-For: " + ip }
	kick := func(query string) {
		t.Helper()
		var closed admin.Closed
		ask(t, g, "DELETE", "/sse/subscribers?"+query, "", 200, &closed)
		if closed.Closed != 1 {
			t.Errorf("%s closed %d", query, closed.Closed)
		}
	}
	refused := func(ip string) {
		t.Helper()
		if s := subscribe(t, g, "/live/1", from(ip)); s.StatusCode != http.StatusForbidden {
			t.Errorf("%s was answered %s", ip, s.Status)
		}
	}
	idOf := func(ip string) uint64 {
		t.Helper()
		var list admin.Subscribers
		ask(t, g, "GET", "/sse/subscribers?ip="+ip, "", 200, &list)
		if list.Count != 1 {
			t.Fatalf("of %s there are %+v", ip, list)
		}
		return list.Subscribers[0].ID
	}

	subscribe(t, g, "/live/1", from("2001:db8:0:1::1"))
	kick("forbid=1h&ip=2001:db8:0:1::2")
	refused("2001:db8:0:1:ffff::3")
	subscribe(t, g, "/live/1", from("2001:db8:0:2::1"))
	kick(fmt.Sprint("forbid=1h&id=", idOf("2001:db8:0:2::9")))
	refused("2001:db8:0:2::8")

	subscribe(t, g, "/live/1", from("192.0.2.7"))
	kick("forbid=1h&ip=::ffff:192.0.2.1/120")
	refused("192.0.2.200")
	if s := subscribe(t, g, "/live/1", from("192.0.3.7")); s.StatusCode != http.StatusOK {
		t.Errorf("another network was answered %s", s.Status)
	}
	if text := ask(t, g, "GET", "/sse/subscribers?ip=::ffff:192.0.2.1/64", "", 400, nil); !strings.Contains(text, "0.0.0.0/0") {
		t.Errorf("a network without clients was answered %s", text)
	}
}

// A client over a Unix socket has no address, and is said to have none.
func TestClientWithoutAddress(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	path := filepath.Join(t.TempDir(), "caddy.sock")
	g := gatewaytest.Start(t, "\tsse {\n\t\tredis "+server.Addr+"\n\t\tdrain 0\n\t}",
		site+"\nhttp://local {\n\tbind unix/"+path+"\n\tsse_subscribe live:{path.0}\n}")
	client := &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		},
	}}
	t.Cleanup(client.CloseIdleConnections)
	s := gatewaytest.Subscribe(t, client, "http://local/1")
	s.Await("id: ")
	var list admin.Subscribers
	text := ask(t, g, "GET", "/sse/subscribers", "", 200, &list)
	if list.Count != 1 || list.Subscribers[0].IP != "" || strings.Contains(text, "invalid") {
		t.Errorf("the subscribers are %s", text)
	}
}
