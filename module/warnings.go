package sse

import (
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-sse/caddy-sse/module/sites"
)

// warnOfSites logs what is odd about where the directives stand.
func (a *App) warnOfSites(http *caddyhttp.App) {
	for _, w := range sites.Examine(http) {
		a.log.Warn(w.Message, w.Fields...)
	}
}
