package request

import (
	"cmp"
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

	// Which channels a request may name, by patterns, in which a `*` stands for any
	// characters, and all else for itself. Placeholders are filled in for each request: what
	// is filled into a pattern is literal, and one that has no value makes it match nothing.
	// A placeholder that stands alone is a list of patterns, with spaces between, as a claim
	// of a token that is a list. Other channels are refused with status 403. Default: all.
	Allow Allow `json:"allow,omitempty"`

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
	if len(c.Allow) == 0 {
		WarnOfClientNames(ctx.Logger(), c.Channel)
	}
	c.path = PathIn(append(texts, c.Channel)...)
	return nil
}

// CheckChannel checks the channel as it stands in the configuration of a directive that
// has this name.
func (c *OneChannel) CheckChannel(directive string) error {
	if c.Channel == "" {
		return fmt.Errorf("%s needs a channel", directive)
	}
	return cmp.Or(CheckChannelName(c.Channel), c.Allow.Check())
}

// Name fills in the placeholders of the channel's name for one request; see [ChannelName]
// and [Allow].
func (c *OneChannel) Name(repl *caddy.Replacer) (string, error) {
	name, err := ChannelName(repl, c.Channel)
	if err != nil {
		return "", err
	}
	return name, c.Allow.CheckNames(repl, name)
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
	lines["allow"] = ParseAllow(d, &c.Allow)
	lines["channel"] = func() error {
		var name string
		if err := block.Text(d, &name)(); err != nil {
			return err
		}
		return set(name)
	}
	if err := block.Parse(d, lines, "allow"); err != nil {
		return err
	}
	if err := check(); err != nil {
		return d.WrapErr(err)
	}
	return nil
}
