// Package opening is what the directives share that open subscriptions: how these end when
// Caddy does, and what is said of their requests.
package opening

import (
	"net/http"
	"sync"
	"sync/atomic"
	"time"
	"weak"

	"github.com/caddyserver/caddy/v2"
	"github.com/quic-go/quic-go/http3"
	"go.uber.org/zap"

	"github.com/caddy-sse/caddy-sse/internal/eventstream"
	sse "github.com/caddy-sse/caddy-sse/module"
)

// What Caddy (v2.11.9) does over HTTP/3 when it ends is not made for subscribers, in
// two ways. It waits until clients have closed their connections, also those that have
// vanished, which takes 30 seconds, QUIC's idle timeout. And it goes on taking
// connections that nobody serves until it has ended, without a word to them then: a
// client that comes back too early waits for its own idle timeout.

const (
	// http3Grace is for how long, after subscribers have been sent away, Caddy waits
	// at its end for HTTP/3's other responses and for clients to close their
	// connections, unless it has a grace period of its own.
	http3Grace = 3 * time.Second
	// longestGrace is for how much longer subscribers over HTTP/3 stay away at most.
	longestGrace = 10 * time.Second
)

// http3Servers are those that have had requests to subscribe, also those of earlier
// configurations, for which Caddy waits, too: a weak.Pointer[http3.Server] each.
var http3Servers sync.Map

// An HTTP3Server is that of the handler's newest request over HTTP/3.
type HTTP3Server struct{ atomic.Pointer[http3.Server] }

// Note takes down the server of a request.
func (s *HTTP3Server) Note(r *http.Request) {
	server, ok := r.Context().Value(http3.ServerContextKey).(*http3.Server)
	if !ok || s.Load() == server {
		return
	}
	s.Store(server)
	http3Servers.Range(func(other, _ any) bool {
		if other.(weak.Pointer[http3.Server]).Value() == nil {
			http3Servers.Delete(other)
		}
		return true
	})
	http3Servers.Store(weak.Make(server), nil)
}

// closeHTTP3 closes the connections over HTTP/3 when Caddy exits, once the subscribers
// have been sent away.
func closeHTTP3(log *zap.Logger) {
	time.Sleep(http3Grace)
	http3Servers.Range(func(server, _ any) bool {
		if server := server.(weak.Pointer[http3.Server]).Value(); server != nil {
			log.Info("closing the connections over HTTP/3 that clients have not closed", zap.Duration("after", http3Grace))
			go func() { _ = server.Close() }() // the error is of listeners, which Caddy closes
		}
		return true
	})
}

// AwayFor is for how much longer than others a subscriber stays away when Caddy ends.
func AwayFor(r *http.Request, app *sse.App) time.Duration {
	if r.ProtoMajor != 3 {
		return 0
	}
	grace := http3Grace
	if own := app.GracePeriod(); own > 0 {
		grace = min(own, longestGrace)
	}
	return grace + time.Second // for a process to start
}

// EndOnExit ends the subscriptions when Caddy exits, which otherwise waits for
// those over HTTP/2 and HTTP/3 for ever. On a reload they may go on.
func EndOnExit(app *sse.App) func() {
	return func() {
		if !caddy.Exiting() {
			return
		}
		app.Gateway().Drain()
		if app.GracePeriod() == 0 {
			closingHTTP3.Do(func() { closeHTTP3(app.Gateway().Log()) })
		}
	}
}

var closingHTTP3 sync.Once

// Protocol is the HTTP version, as people write it.
func Protocol(r *http.Request) string {
	switch r.ProtoMajor {
	case 1:
		return "http/1.1"
	case 2:
		return "http/2"
	}
	return "http/3"
}

// Preamble is what every subscription begins with: the reconnection time.
func Preamble(retry time.Duration) *eventstream.Frame {
	return eventstream.NewFrame(32, func(b []byte) []byte { return eventstream.AppendRetry(b, retry) })
}
