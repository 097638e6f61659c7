package blackbox_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

const bodySite = `
	sse_subscribe /live room:1 {
		presence ann
	}
	sse_history /history room:1
	sse_presence /who room:1
	sse_health /health
}`

// A body that never comes holds nothing: it is not waited for, and nobody is there
// or counted before the head of the answer is out.
func TestGetWithABody(t *testing.T) {
	g, server := gatewaytest.StartWithRedis(t, "http://{$ADDR} {"+bodySite)
	for _, path := range []string{"/live", "/history", "/who", "/health"} {
		for _, head := range []string{
			"Content-Length: 9", "Content-Length: 900000", "Transfer-Encoding: chunked", "Expect: 100-continue\r\nContent-Length: 9", "Expect: 100-continue",
		} {
			for _, method := range []string{"GET", "HEAD"} {
				conn, err := net.Dial("tcp", g.Addr)
				if err != nil {
					t.Fatal(err)
				}
				_ = conn.SetDeadline(time.Now().Add(10 * time.Second)) // the read tells
				fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: %s\r\n%s\r\n\r\n", method, path, g.Addr, head)
				r, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
				if err != nil {
					t.Fatalf("%s %s, %q: %v", method, path, head, err)
				}
				if _, err := io.Copy(io.Discard, r.Body); err != nil || r.StatusCode != 400 || !strings.Contains(r.Header.Get("Sse-Error"), "must not have a body") {
					t.Errorf("%s %s, %q: %s %v", method, path, head, r.Status, err)
				}
				if _, err := conn.Read(make([]byte, 1)); err != io.EOF {
					t.Errorf("%s %s, %q: the connection goes on: %v", method, path, head, err)
				}
				conn.Close()
			}
		}
	}
	if server.Do("EXISTS", "sse.presence.in:room:1") != int64(0) {
		t.Error("somebody is there who has not come")
	}
	s := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), "http://"+g.Addr+"/live", "Content-Length: 0")
	s.AwaitData("event: sse.join")
	g.AwaitMetric(`subscribers_opened_total{protocol="http/1.1",via="socket"}`, 1)
	g.Stop()
}

func TestGetWithABodyOverHTTP2(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	g := gatewaytest.Start(t, gatewaytest.RedisOption(server), "{$ADDR} {\n\ttls internal"+bodySite)
	client := gatewaytest.HTTP2(t)
	for _, path := range []string{"/live", "/history", "/who", "/health"} {
		body, end := io.Pipe()
		request, err := http.NewRequest(http.MethodGet, "https://"+g.Addr+path, body)
		if err != nil {
			t.Fatal(err)
		}
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		if response.ProtoMajor != 2 || response.StatusCode != 400 || !strings.Contains(response.Header.Get("Sse-Error"), "must not have a body") {
			t.Errorf("%s: %s %v", path, response.Status, response.Header)
		}
		response.Body.Close()
		end.Close()
	}
	for name, client := range map[string]*http.Client{"HTTP/2": client, "HTTP/3": http3Client(t)} {
		s := gatewaytest.Subscribe(t, client, "https://"+g.Addr+"/live")
		if s.StatusCode != 200 {
			t.Errorf("%s: without a body: %s", name, s.Status)
		}
	}
}
