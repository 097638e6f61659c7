package request

import (
	"net/http"
	"net/netip"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// RemoteIP is the client's address as Caddy has it: that of the connection, or
// what trusted_proxies say. It is the zero value if it is none.
func RemoteIP(r *http.Request) netip.Addr {
	text, _ := caddyhttp.GetVar(r.Context(), caddyhttp.ClientIPVarKey).(string)
	text, _, _ = strings.Cut(text, "%") // a zone
	ip, _ := netip.ParseAddr(text)
	return ip.Unmap()
}
