package handlers

import (
	"net/http"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/quic-go/quic-go/http3"
	"go.uber.org/zap"

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

// An http3End ends the connections over HTTP/3 of the server that a handler is in.
type http3End struct {
	server atomic.Pointer[http3.Server] // nil until there was a request
}

// note takes down the server of a request.
func (e *http3End) note(r *http.Request) {
	if server, ok := r.Context().Value(http3.ServerContextKey).(*http3.Server); ok && e.server.Load() != server {
		e.server.Store(server)
	}
}

// close closes the connections when Caddy exits, once the subscribers have been sent
// away.
func (e *http3End) close(app *sse.App) {
	server := e.server.Load()
	if server == nil || app.GracePeriod() > 0 {
		return
	}
	time.Sleep(http3Grace)
	app.Gateway().Log().Info("closing the connections over HTTP/3 that clients have not closed", zap.Duration("after", http3Grace))
	_ = server.Close() // the error is of listeners, which Caddy closes
}

// awayFor is for how much longer than others a subscriber stays away when Caddy ends.
func awayFor(r *http.Request, app *sse.App) time.Duration {
	if r.ProtoMajor != 3 {
		return 0
	}
	grace := http3Grace
	if own := app.GracePeriod(); own > 0 {
		grace = min(own, longestGrace)
	}
	return grace + time.Second // for a process to start
}

// endOnExit ends the subscriptions when Caddy exits, which otherwise waits for
// those over HTTP/2 and HTTP/3 for ever. On a reload they may go on.
func endOnExit(app *sse.App, http3 *http3End) func() {
	return func() {
		if caddy.Exiting() {
			app.Gateway().Drain()
			http3.close(app)
		}
	}
}
