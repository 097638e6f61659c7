package handlers

import (
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-sse/caddy-sse/internal/block"
	"github.com/caddy-sse/caddy-sse/internal/eventstream"
)

// parseHandler reads a directive into its handler.
func parseHandler[H any, P interface {
	*H
	caddyfile.Unmarshaler
	caddyhttp.MiddlewareHandler
}](h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	handler := P(new(H))
	return handler, handler.UnmarshalCaddyfile(h.Dispenser)
}

// parseText reads a template.
func parseText(d *caddyfile.Dispenser, to *string) func() error {
	return func() error {
		if err := block.Text(d, to)(); err != nil {
			return err
		}
		if _, err := parseTemplate(*to); err != nil {
			return d.WrapErr(err)
		}
		return nil
	}
}

func parseFormat(d *caddyfile.Dispenser, to *string) func() error {
	return func() error {
		if err := block.Text(d, to)(); err != nil {
			return err
		}
		if _, err := eventstream.ParseFormat(*to); err != nil {
			return d.WrapErr(err)
		}
		return nil
	}
}
