package sse

import "github.com/caddyserver/caddy/v2"

// FromContext is the app of the configuration that is being loaded, with its defaults if
// the configuration says nothing of it. The error is that of its own Provision.
func FromContext(ctx caddy.Context) (*App, error) {
	app, err := ctx.App("sse")
	if err != nil {
		return nil, err
	}
	return app.(*App), nil
}
