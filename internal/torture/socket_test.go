package torture

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// slowBuffer is how many bytes the kernel takes for one who reads slowly: what
// is more, waits at the gateway.
const slowBuffer = 16 << 10

// A socket is an HTTP/1.1 connection for one answer.
type socket struct {
	net.Conn

	body   io.Reader
	forget func() bool // it is not to be closed with the context any more
}

func (a socket) Close() error {
	a.forget()
	return a.Conn.Close()
}

func (a socket) Read(p []byte) (int, error) { return a.body.Read(p) }

func (a socket) stay() { _ = a.SetDeadline(time.Time{}) } // the read tells

// open asks for the events over a connection of its own.
func (s *subscriber) open(ctx context.Context, _ *subscriber, g gateway, limit time.Duration, leaves bool) (answer, error) {
	conn, err := (&net.Dialer{Timeout: headTimeout}).DialContext(ctx, "tcp", g.addr)
	if err != nil {
		return nil, err
	}
	a := socket{Conn: conn, forget: context.AfterFunc(ctx, func() { conn.Close() })}
	if s.readRate > 0 {
		_ = conn.(*net.TCPConn).SetReadBuffer(slowBuffer)
	}
	if leaves && s.random.IntN(2) == 0 {
		_ = conn.(*net.TCPConn).SetLinger(0) // leave by a reset: a crash, not a goodbye
	}
	_ = conn.SetDeadline(time.Now().Add(limit)) // the read tells
	if a.body, err = s.request(conn, g.addr); err != nil {
		a.Close()
		return nil, err
	}
	return a, nil
}

func (s *subscriber) request(conn net.Conn, addr string) (io.Reader, error) {
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\n", s.path, addr); err != nil {
		return nil, err
	}
	if err := s.header().Write(conn); err != nil {
		return nil, err
	}
	if _, err := io.WriteString(conn, "\r\n"); err != nil {
		return nil, err
	}
	s.input.Reset(conn)
	response, err := http.ReadResponse(s.input, nil)
	if err != nil {
		return nil, err
	}
	return response.Body, refusalOf(response)
}
