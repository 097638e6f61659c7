package blackbox_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// roomsSite names its channels after the path, by which it also protects one.
func roomsSite(app string) string {
	return `{$ADDR} {
	tls internal
	@vip path /*/vip /*/vip/*
	basic_auth @vip {
		ann $2a$14$Zkx19XLiW6VYouLHR5NmfOFU0z2GTNmpkT/5qqR7hx4IjWJPDhjvG
	}
	sse_subscribe /subscribe/* chat:{path.1} {
		gate {
			forward_auth ` + app + ` {
				uri /gate
			}
		}
	}
	sse_subscribe /member/* chat:1 {
		presence {path.1}
	}
	sse_subscribe /greeting/* chat:1 {
		greeting {path.1}
	}
	sse_publish /say/* chat:{path.1}
	sse_publish /text/* chat:1 {
		data {path.1}
	}
	sse_publish /messages/* chat:{path.1} {
		from_response
	}
	sse_publish /fixed/* chat:fixed {
		from_response
	}
	sse_history /history/* chat:{path.1}
	sse_presence /members/* chat:{path.1}
	handle_path /api/* {
		sse_subscribe /subscribe/* chat:{path.1}
	}
	reverse_proxy ` + app + `
}`
}

// newCounter is an app that counts what reaches it.
func newCounter(t *testing.T) (address string, reached *atomic.Int64) {
	reached = new(atomic.Int64)
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		reached.Add(1)
		_, _ = io.WriteString(w, "the app")
	}))
	t.Cleanup(app.Close)
	return app.Listener.Addr().String(), reached
}

// What others than the placeholders may read as another name is served under no
// name, by no directive, on no transport, and neither gate nor app is asked.
func TestPathsThatNameTwoThings(t *testing.T) {
	t.Parallel()
	app, reached := newCounter(t)
	g := gatewaytest.Start(t, gatewaytest.RedisOption(redistest.Start(t)), roomsSite(app))
	do := func(client *http.Client, method, path, accept string) (*http.Response, error) {
		request, err := http.NewRequest(method, "https://"+g.Addr+path, http.NoBody)
		if err != nil {
			return nil, err
		}
		request.Header.Set("Accept", accept)
		response, err := client.Do(request)
		if err == nil {
			response.Body.Close()
		}
		return response, err
	}
	requests := [][3]string{
		{"GET", "/subscribe/", "text/event-stream"},
		{"HEAD", "/subscribe/", "text/event-stream"},
		{"GET", "/api/subscribe/", "text/event-stream"},
		{"GET", "/member/", "text/event-stream"},
		{"GET", "/greeting/", "text/event-stream"},
		{"POST", "/say/", "*/*"},
		{"POST", "/text/", "*/*"},
		{"POST", "/messages/", "*/*"},
		{"GET", "/history/", "application/json"},
		{"GET", "/members/", "application/json"},
	}
	for name, client := range map[string]*http.Client{
		"HTTP/1.1": gatewaytest.HTTP1(t), "HTTP/2": gatewaytest.HTTP2(t), "HTTP/3": http3Client(t),
	} {
		for _, room := range []string{
			"vip/../x", "vip%2f../x", "vip/%2e%2e/x", "vip/%2E%2E%2Fx", "./x", "/x", "x//", "x/.", "a%2Fb", "a%2fb", "a%5Cb", "7/..;/8",
		} {
			for _, r := range requests {
				response, err := do(client, r[0], r[1]+room, r[2])
				if err != nil || response.StatusCode != 400 || !strings.Contains(response.Header.Get("Sse-Error"), "path must not hold") {
					t.Errorf("%s: %s %s%s: %v %v", name, r[0], r[1], room, response, err)
				}
			}
		}
	}
	if n := reached.Load(); n > 0 {
		t.Errorf("gate and app were asked %d times", n)
	}
	client := gatewaytest.HTTP1(t)
	for _, room := range []string{"7", "a;b", "J.R.", "%F0%9F%A6%86", "a%25b", "a/"} {
		for _, r := range requests[1:3:3] {
			if response, err := do(client, "HEAD", r[1]+room, r[2]); err != nil || response.StatusCode != 200 {
				t.Errorf("%s%s: %v %v", r[1], room, response, err)
			}
		}
	}
	for _, path := range []string{"/text/hello%20world.", "/text/%C3%A4%20b", "/fixed/a%2Fb", "/messages/a?b=%2F/../"} {
		if response, err := do(client, "POST", path, "*/*"); err != nil || response.StatusCode != 200 || response.Header.Get("Sse-Error") != "" && path[1] != 'f' {
			t.Errorf("%s: %v %v", path, response, err)
		}
	}
	if response, _ := do(client, "HEAD", "/subscribe/vip", "text/event-stream"); response.StatusCode != 401 {
		t.Errorf("the room by its own name: %s", response.Status)
	}
}

// Clients that keep to no rule send what no library does.
func TestRawPathsThatNameTwoThings(t *testing.T) {
	g, _ := gatewaytest.StartWithRedis(t, `http://{$ADDR} {
	sse_subscribe /rooms/* chat:{path.1}
}`)
	for _, target := range []string{`/rooms/vip\..\x`, `/rooms/a\b`, "http://" + g.Addr + "/rooms/vip/../x", "/rooms/x/../../rooms/vip"} {
		conn, err := net.Dial("tcp", g.Addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second)) // the read tells
		fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", target, g.Addr)
		head := make([]byte, len("HTTP/1.1 400"))
		if _, err := io.ReadFull(conn, head); err != nil || string(head) != "HTTP/1.1 400" {
			t.Errorf("%s: %q %v", target, head, err)
		}
	}
}
