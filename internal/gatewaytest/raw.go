package gatewaytest

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"
)

// Raw opens a subscription over a TCP connection of its own, or TLS over one,
// and reads its head. What comes after that is left in the socket, whose receive
// buffer is as small as the system has it, until somebody reads.
func Raw(t testing.TB, addr, path string, overTLS bool) (*net.TCPConn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	tcp := conn.(*net.TCPConn)
	if err := tcp.SetReadBuffer(1); err != nil {
		t.Fatal(err)
	}
	if overTLS {
		conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}}) //nolint:gosec // a test's own certificate
	}
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second)) // the read tells
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nAccept: text/event-stream\r\n\r\n", path, addr)
	body := bufio.NewReaderSize(conn, 512)
	response, err := http.ReadResponse(body, nil)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatal(response, err)
	}
	_ = conn.SetDeadline(time.Time{})
	return tcp, body
}
