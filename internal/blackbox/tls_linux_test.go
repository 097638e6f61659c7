package blackbox_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// Over TLS a client can say that it leaves, and keep its connection.
func TestTLSClientsThatSayGoodbye(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	g := gatewaytest.Start(t, "\tdebug\n\tdefault_sni 127.0.0.1\n"+gatewaytest.RedisOption(server),
		"https://{$ADDR} {\n\ttls internal\n\tsse_subscribe /events a {\n\t\theartbeat off\n\t}\n}")
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		conn, err := tls.Dial("tcp", g.Addr, &tls.Config{InsecureSkipVerify: true, MaxVersion: version, NextProtos: []string{"http/1.1"}})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(20 * time.Second)) // it is a socket
		fmt.Fprintf(conn, "GET /events HTTP/1.1\r\nHost: %s\r\nAccept: text/event-stream\r\n\r\n", g.Addr)
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || response.StatusCode != http.StatusOK {
			t.Fatal(response, err)
		}
		redistest.Await(t, "the subscription", func() bool { return server.Listeners("a") == 1 })
		if err := conn.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		redistest.Await(t, "its end", func() bool { return server.Listeners("a") == 0 })
	}
	redistest.Await(t, "the reason in the log", func() bool { return strings.Count(g.Log(), `"reason":"the client left"`) == 2 })
}
