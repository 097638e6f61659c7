package handlers

import (
	"net/http"
	"net/netip"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// remoteIP is the client's address as Caddy has it: that of the connection, or
// what trusted_proxies say. It is the zero value if it is none.
func remoteIP(r *http.Request) netip.Addr {
	text, _ := caddyhttp.GetVar(r.Context(), caddyhttp.ClientIPVarKey).(string)
	text, _, _ = strings.Cut(text, "%") // a zone
	ip, _ := netip.ParseAddr(text)
	return ip.Unmap()
}

// protocol is the HTTP version, as people write it.
func protocol(r *http.Request) string {
	switch r.ProtoMajor {
	case 1:
		return "http/1.1"
	case 2:
		return "http/2"
	}
	return "http/3"
}
