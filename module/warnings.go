package sse

import (
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-sse/caddy-sse/module/sites"
)

// warnOfSites logs what is odd about where the directives stand. Caddy provisions
// an app in the middle of another's, so that this waits until all are there.
func (a *App) warnOfSites() {
	app, err := a.ctx.AppIfConfigured("http")
	if err != nil {
		return // there are no sites without it
	}
	for _, w := range sites.Examine(app.(*caddyhttp.App)) {
		a.log.Warn(w.Message, w.Fields...)
	}
}
