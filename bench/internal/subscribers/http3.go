//go:build linux

package subscribers

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"github.com/caddy-sse/caddy-sse/bench/internal/stamp"
)

// A reader reads the response of one subscriber over HTTP/3, in a goroutine: QUIC has
// some for each connection anyway.
type reader struct {
	worker *worker
	close  func()
	over   bool // it was dropped; guarded by the worker
}

// connectHTTP3 opens a connection, with a socket of its own, as a browser has it, and
// subscribes.
func connectHTTP3(e *endpoint, w *worker, subscribers []*subscriber) error {
	socket, err := net.ListenUDP("udp", nil)
	if err != nil {
		return err
	}
	transport := &quic.Transport{Conn: socket}
	r := &reader{worker: w, close: func() {
		_ = transport.Close() // both may be closed
		_ = socket.Close()
	}}
	bodies, err := requestHTTP3(e, transport, subscribers)
	if err != nil {
		r.close()
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.readers = append(w.readers, r)
	w.subscribers = append(w.subscribers, subscribers...)
	for i, s := range subscribers {
		s.assign(w)
		go r.run(bodies[i], s)
	}
	return nil
}

func requestHTTP3(e *endpoint, transport *quic.Transport, subscribers []*subscriber) (bodies []io.ReadCloser, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), connectTimeout)
	defer cancel()
	secure := &tls.Config{ServerName: e.name, NextProtos: []string{http3.NextProtoH3}, InsecureSkipVerify: true} //nolint:gosec // the server is on this machine, its certificate its own
	conn, err := transport.Dial(ctx, net.UDPAddrFromAddrPort(e.address), secure, &quic.Config{})
	if err != nil {
		return nil, fmt.Errorf("QUIC: %w", err)
	}
	client := new(http3.Transport).NewClientConn(conn)
	for _, s := range subscribers {
		request, err := http.NewRequest(http.MethodGet, "https://"+e.host+e.path(s.channelName()), nil)
		if err != nil {
			return nil, err
		}
		request.Header.Set("Accept", "text/event-stream")
		request.Header.Set("Cache-Control", "no-cache")
		if e.LastEventID != "" {
			request.Header.Set("Last-Event-ID", e.LastEventID)
		}
		response, err := client.RoundTrip(request)
		if err != nil {
			return nil, fmt.Errorf("no response: %w", err)
		}
		if response.StatusCode != http.StatusOK {
			_ = response.Body.Close() // the status is told
			return nil, fmt.Errorf("the server answers %s", response.Status)
		}
		bodies = append(bodies, response.Body)
	}
	return bodies, nil
}

func (r *reader) run(body io.ReadCloser, s *subscriber) {
	defer body.Close()
	w := r.worker
	for buffer := make([]byte, 4<<10); ; {
		n, err := body.Read(buffer)
		w.mu.Lock()
		if r.over {
			w.mu.Unlock()
			return
		}
		w.now = stamp.Now()
		s.read(buffer[:n])
		if err != nil {
			w.ended++
			if w.failure == nil {
				w.failure = err
			}
			w.mu.Unlock()
			return
		}
		w.mu.Unlock()
	}
}
