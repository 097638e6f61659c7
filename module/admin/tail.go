package admin

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/eventstream"
	"github.com/caddy-sse/caddy-sse/internal/gateway"
	"github.com/caddy-sse/caddy-sse/internal/hub"
	"github.com/caddy-sse/caddy-sse/internal/protocol"
	"github.com/caddy-sse/caddy-sse/internal/transport"
	sse "github.com/caddy-sse/caddy-sse/module"
)

// tailOptions are those of a subscriber of the admin endpoint.
var tailOptions = &transport.Options{Heartbeat: sse.DefaultHeartbeat, Retry: sse.DefaultRetry, Pending: sse.DefaultPending, WriteTimeout: sse.DefaultWriteTimeout}

// tail answers what a subscriber of a channel receives: what is added to its history,
// where it has one, and else what is published; with ?history, the former.
func tail(w http.ResponseWriter, r *http.Request) error {
	if err := checkQuery(r, "channel", "history", "format"); err != nil {
		return err
	}
	query := r.URL.Query()
	name := query.Get("channel")
	if err := sse.CheckChannel(name); err != nil {
		return problem(http.StatusBadRequest, err)
	}
	format, err := protocol.ParseFormat(query.Get("format"))
	if err != nil {
		return problem(http.StatusBadRequest, err)
	}
	gateways, err := gateways()
	if err != nil {
		return err
	}
	// The admin server gives a request 10 seconds to be read.
	control := http.NewResponseController(w)
	if err := control.SetReadDeadline(time.Time{}); err != nil {
		return problem(http.StatusInternalServerError, errors.New("the admin endpoint cannot stream here"))
	}
	g := gateways[len(gateways)-1]
	return g.Open(w, r, &gateway.Spec{
		Request: hub.Request{
			Channels:  []hub.ChannelRequest{{Channel: name, View: protocol.View{Format: format}}},
			History:   query.Has("history") || hasHistory(r.Context(), g, name),
			Away:      true,
			Retention: hub.Retention{Events: sse.DefaultRecent, Bytes: sse.DefaultRecentSize},
			Preamble:  eventstream.Heartbeat,
			Pending:   sse.DefaultPending,
			Retry:     sse.DefaultRetry,
		},
		Options:  tailOptions,
		RemoteIP: remoteIP(r),
		Protocol: "admin",
	})
}

// hasHistory reports whether a channel has a history: subscribers of it that get
// one, or entries in Redis. Where Redis is away, or may not be asked, only those
// that subscribe here say so.
func hasHistory(ctx context.Context, g *gateway.Gateway, name string) bool {
	for _, c := range g.Channels(func(n string) bool { return n == name }) {
		if c.History {
			return true
		}
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	has, err := g.Broker.HasHistory(ctx, name)
	return err == nil && has
}

func remoteIP(r *http.Request) netip.Addr {
	address, _ := netip.ParseAddrPort(r.RemoteAddr) // none on a Unix socket
	return address.Addr().Unmap()
}
