package transport

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/http2"
)

// What a subscriber is expected to take is what the transport takes that it gets: over
// HTTP/2 that depends on its connection.
func TestExpectedOf(t *testing.T) {
	t.Parallel()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln := http2.Wrap(inner)
	defer ln.Close()
	const begin = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	for _, test := range []struct {
		name    string
		says    []string // and then no more
		isTaken bool
	}{
		{"the preface", []string{begin}, true},
		{"the preface by and by", []string{begin[:1], begin[1:20], begin[20:]}, true},
		{"HTTP/1.1", []string{"GET / HTTP/1.1\r\n\r\n"}, false},
		{"POST", []string{"P", "OST / HTTP/1.1\r\n\r\n"}, false},
		{"half of it", []string{begin[:10]}, false},
		{"something else in the end", []string{begin[:20] + "XXXX"}, false},
		{"nothing", nil, false},
	} {
		client, err := net.Dial("tcp", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		go func() {
			for _, part := range test.says {
				_, _ = io.WriteString(client, part) // the server's read tells
				time.Sleep(time.Millisecond)        // so that parts come apart
			}
			_ = client.(*net.TCPConn).CloseWrite()
		}()
		conn, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, isTCP := conn.(*net.TCPConn); isTCP == test.isTaken {
			t.Errorf("%s: %T", test.name, conn)
		}
		if _, isTLS := conn.(interface{ ConnectionState() tls.ConnectionState }); isTLS {
			t.Errorf("%s: it looks like TLS", test.name)
		}
		r := &http.Request{ProtoMajor: 2}
		r = r.WithContext(context.WithValue(t.Context(), connKey{}, conn))
		want := map[bool]*Info{true: http2Info, false: responseInfo}[test.isTaken]
		if got := ExpectedOf(r); got != want {
			t.Errorf("%s: %+v", test.name, got)
		}
		if !test.isTaken { // all is there
			want := ""
			for _, part := range test.says {
				want += part
			}
			if got, err := io.ReadAll(conn); string(got) != want || err != nil {
				t.Errorf("%s: %q, %v", test.name, got, err)
			}
		}
	}
}
