//go:build linux

package servers

import (
	"fmt"
	"net"
)

// A transport is how subscribers reach a Caddy.
type transport struct {
	tls, http2, http3 bool
	// wrapper puts sse_http2 around the listener.
	wrapper bool
	// scheme sets a transport without either apart from none.
	scheme string
}

// transports are those of the servers that are a Caddy.
var transports = map[string]transport{
	"h1":         {scheme: "http"},
	"h1+tls":     {scheme: "https", tls: true},
	"h2":         {scheme: "https", tls: true, http2: true},
	"h2+wrapper": {scheme: "https", tls: true, http2: true, wrapper: true},
	"h3":         {scheme: "https", tls: true, http3: true},
	"flush":      {scheme: "https", tls: true, http2: true},
}

// address is the site's, by a name for which Caddy makes a certificate.
func (t transport) address(site string) string {
	_, port, _ := net.SplitHostPort(site)
	return t.scheme + "://localhost:" + port
}

func (f *Fleet) gatewayConfig(t transport, site, admin, redis string) string {
	if f.Redis == nil {
		redis = "embedded " + redis
	}
	if f.Linger > 0 {
		redis += "\n\t\tlinger " + f.Linger.String()
	}
	return caddyfile(t, site, admin, "\n\tsse {\n\t\tredis "+redis+"\n\t}", "sse_subscribe /s/* {path.1}\n\tsse_subscribe /h/* {path.1} {\n\t\thistory\n\t}")
}

func flushConfig(t transport, site, redis string) string {
	return caddyfile(t, site, "off", "", "bench_flush "+redis)
}

func caddyfile(t transport, site, admin, global, handler string) string {
	if t.tls {
		handler += "\n\ttls internal"
	}
	if t.wrapper {
		global += "\n\tservers {\n\t\tlistener_wrappers {\n\t\t\tsse_http2\n\t\t}\n\t}"
	}
	return fmt.Sprintf(`{
	admin %s
	persist_config off
	skip_install_trust
	auto_https disable_redirects%s
}

%s {
	bind 127.0.0.1
	%s
}
`, admin, global, t.address(site), handler)
}
