package request

import (
	"fmt"
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-sse/caddy-sse/internal/block"
	sse "github.com/caddy-sse/caddy-sse/module"
)

// OneChannel is what a directive has that is about one channel. The directive embeds it.
type OneChannel struct {
	// The channel; see sse_subscribe for names and placeholders.
	Channel string `json:"channel,omitempty"`

	// App is the app that all directives share, from [OneChannel.SetUp] on.
	App *sse.App `json:"-"`

	path Path
}

// SetUp is the part of the directive's Provision. The texts are those besides the
// channel in which it fills in placeholders.
func (c *OneChannel) SetUp(ctx caddy.Context, texts ...string) (err error) {
	if c.App, err = sse.FromContext(ctx); err != nil {
		return err
	}
	WarnOfNames(ctx.Logger(), c.Channel)
	c.path = PathIn(append(texts, c.Channel)...)
	return nil
}

// CheckChannel checks the channel as it stands in the configuration of a directive that
// has this name.
func (c *OneChannel) CheckChannel(directive string) error {
	if c.Channel == "" {
		return fmt.Errorf("%s needs a channel", directive)
	}
	return CheckChannelName(c.Channel)
}

// CheckPath reports why a request is refused: see [Path.Check].
func (c *OneChannel) CheckPath(r *http.Request) error { return c.path.Check(r) }

// ParseCaddyfile reads the directive, whose channel is an argument or a line of its
// block, which has these other lines. At the end all is checked.
func (c *OneChannel) ParseCaddyfile(d *caddyfile.Dispenser, lines block.Subdirectives, check func() error) error {
	d.Next() // the directive's name
	directive := d.Val()
	set := func(name string) error {
		if c.Channel != "" {
			return d.Errf("%s takes one channel", directive)
		}
		c.Channel = name
		if err := CheckChannelName(name); err != nil {
			return d.WrapErr(err)
		}
		return nil
	}
	for _, name := range d.RemainingArgs() {
		if err := set(name); err != nil {
			return err
		}
	}
	lines["channel"] = func() error {
		var name string
		if err := block.Text(d, &name)(); err != nil {
			return err
		}
		return set(name)
	}
	if err := block.Parse(d, lines); err != nil {
		return err
	}
	if c.Channel == "" {
		return d.Errf("%s needs a channel", directive)
	}
	if err := check(); err != nil {
		return d.WrapErr(err)
	}
	return nil
}
