package gatewaytest

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// A Stream is one open response, read as it comes.
type Stream struct {
	*http.Response

	t      testing.TB
	cancel context.CancelFunc
	text   log
	ended  chan struct{}
	err    error // of the reading; nil at a clean end
}

// Subscribe opens url as an EventSource does. Header lines may be added.
func Subscribe(t testing.TB, client *http.Client, url string, header ...string) *Stream {
	t.Helper()
	return Ask(t, client, http.MethodGet, url, "", append([]string{"Accept: text/event-stream"}, header...)...)
}

// Ask sends a request, and reads its answer as it comes.
func Ask(t testing.TB, client *http.Client, method, url, body string, header ...string) *Stream {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s := &Stream{t: t, cancel: cancel, ended: make(chan struct{})}
	s.Response = send(ctx, t, client, method, url, body, header)
	go func() {
		defer close(s.ended)
		_, s.err = io.Copy(&s.text, s.Body)
	}()
	t.Cleanup(s.Leave)
	return s
}

// ComeBack subscribes with a last event ID, over HTTP/1.1.
func ComeBack(t testing.TB, g *Gateway, path, id string) *Stream {
	t.Helper()
	return Subscribe(t, HTTP1(t), "http://"+g.Addr+path, "Last-Event-ID: "+id)
}

// Text is what has come so far.
func (s *Stream) Text() string { return s.text.String() }

// Await waits until the text has come.
func (s *Stream) Await(text string) {
	s.t.Helper()
	redistest.Await(s.t, "the text "+text, func() bool { return s.text.has(text) })
}

// ids are the events' IDs, and those without an event.
var ids = regexp.MustCompile(`id: [^\n]*\n(?:\n)?`)

// Data is what has come so far, without IDs, which are the gateway's own.
func (s *Stream) Data() string { return ids.ReplaceAllString(s.Text(), "") }

// AwaitData waits until the text has come, but for IDs in it.
func (s *Stream) AwaitData(text string) {
	s.t.Helper()
	redistest.Await(s.t, "the text "+text, func() bool { return strings.Contains(s.Data(), text) })
}

var idField = regexp.MustCompile(`(?m)^id: (.*)\n`)

// IDs are the event IDs that have come so far.
func (s *Stream) IDs() []string {
	var all []string
	for _, field := range idField.FindAllStringSubmatch(s.Text(), -1) {
		all = append(all, field[1])
	}
	return all
}

// NewestID is the last event ID that a browser would have now; empty if it has none.
func (s *Stream) NewestID() string {
	if all := s.IDs(); len(all) > 0 {
		return all[len(all)-1]
	}
	return ""
}

// AwaitEnd waits until the server ends the response, and returns how: nil means
// cleanly.
func (s *Stream) AwaitEnd() error {
	s.t.Helper()
	redistest.Await(s.t, "the end", func() bool {
		select {
		case <-s.ended:
			return true
		default:
			return false
		}
	})
	return s.err
}

// Leave ends the connection.
func (s *Stream) Leave() {
	s.cancel()
	s.Body.Close()
	<-s.ended
}

// HTTP1 is a client with a connection for each response.
func HTTP1(t testing.TB) *http.Client {
	return client(t, func(p *http.Protocols) { p.SetHTTP1(true) })
}

// HTTP2 is a client that speaks HTTP/2 over TLS.
func HTTP2(t testing.TB) *http.Client {
	return client(t, func(p *http.Protocols) { p.SetHTTP2(true) })
}

// H2C is a client that speaks HTTP/2 in the clear.
func H2C(t testing.TB) *http.Client {
	return client(t, func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) })
}

func client(t testing.TB, set func(*http.Protocols)) *http.Client {
	var p http.Protocols
	set(&p)
	tr := &http.Transport{
		Protocols:          &p,
		TLSClientConfig:    &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // a test's own certificate
		DisableCompression: true,
	}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}
