package request

import (
	"fmt"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-sse/caddy-sse/internal/block"
	"github.com/caddy-sse/caddy-sse/internal/eventstream"
	"github.com/caddy-sse/caddy-sse/internal/protocol"
)

// CheckEventType checks the type of an event as it stands in the configuration, by the
// name of its setting.
func CheckEventType(name, value string) error {
	if !eventstream.ValidType(value) {
		return fmt.Errorf("%s is the type of an event, which must not hold a line end", name)
	}
	return nil
}

// FormatSubdirective reads the subdirective format.
func FormatSubdirective(d *caddyfile.Dispenser, to *string) func() error {
	return func() error {
		if err := block.Text(d, to)(); err != nil {
			return err
		}
		if _, err := protocol.ParseFormat(*to); err != nil {
			return d.WrapErr(err)
		}
		return nil
	}
}

// TemplateSubdirective reads a subdirective whose argument is a template.
func TemplateSubdirective(d *caddyfile.Dispenser, to *string) func() error {
	return func() error {
		if err := block.Text(d, to)(); err != nil {
			return err
		}
		if _, err := ParseTemplate(*to); err != nil {
			return d.WrapErr(err)
		}
		return nil
	}
}
