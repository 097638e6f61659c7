package sse

import (
	"context"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyevents"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/caddy-sse/caddy-sse/module/sites"
)

// logServed logs where subscriptions are served, once all of Caddy has started. It
// has a logger of its own, since it is what somebody looks for who has started it.
func (a *App) logServed(ctx caddy.Context, events *caddyevents.App) error {
	return events.On("started", onStarted(func() {
		app, err := ctx.AppIfConfigured("http")
		if err != nil {
			return // there are no subscriptions without it
		}
		if at := servedAt(app.(*caddyhttp.App)); len(at) > 0 {
			a.log.Named("served").Info("subscriptions are served", zap.Strings("at", at))
		}
	}))
}

// onStarted is a handler of Caddy's event of that name.
type onStarted func()

func (f onStarted) Handle(context.Context, caddy.Event) error {
	f()
	return nil
}

// servedAt are the URLs of sites in which somebody may subscribe, in order.
func servedAt(app *caddyhttp.App) []string {
	var at []string
	for _, server := range app.Servers {
		hosts := sites.Hosts(server.Routes, "http.handlers.sse_subscribe")
		for _, listen := range server.Listen {
			address, err := caddy.ParseNetworkAddress(listen)
			if err != nil {
				continue // it is Caddy's to complain
			}
			for _, host := range hosts {
				at = append(at, urlOf(address, host, len(server.TLSConnPolicies) > 0))
			}
		}
	}
	slices.Sort(at)
	return slices.Compact(at)
}

// urlOf is a listener's URL. Where a site has no host, one that listens everywhere
// is at localhost.
func urlOf(address caddy.NetworkAddress, host string, tls bool) string {
	if address.IsUnixNetwork() {
		return address.String()
	}
	if host == "" {
		host = address.Host
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	scheme, port := "http", ":80"
	if tls {
		scheme, port = "https", ":443"
	}
	at := net.JoinHostPort(host, strconv.FormatUint(uint64(address.StartPort), 10))
	return scheme + "://" + strings.TrimSuffix(at, port)
}
