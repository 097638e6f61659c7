package token

import (
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-sse/caddy-sse/internal/block"
)

// UnmarshalCaddyfile sets up the handler from Caddyfile tokens. Syntax:
//
//	sse_token [<matcher>] {
//		from cookie <name>
//		from header [<name>]
//		from query <name>
//		secret <secret>
//		key_file <path>
//		jwks <url>
//		jwks_file <path>
//		algorithms <name>...
//		issuer <issuer>
//		audience <audience>
//		leeway <duration>|0
//		require <claim>...
//		expired busy|refuse
//	}
func (h *Token) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the directive's name
	if d.CountRemainingArgs() > 0 {
		return d.Err("sse_token takes a matcher at most: what it needs stands in its block")
	}
	c := &h.Checks
	err := block.Parse(d, block.Subdirectives{
		"from":       func() error { return c.parseFrom(d) },
		"secret":     block.Text(d, &c.Secret),
		"key_file":   block.Text(d, &c.KeyFile),
		"jwks":       block.Text(d, &c.JWKS),
		"jwks_file":  block.Text(d, &c.JWKSFile),
		"algorithms": texts(d, &c.Algorithms),
		"issuer":     block.Text(d, &c.Issuer),
		"audience":   block.Text(d, &c.Audience),
		"leeway":     block.DurationOr(d, "0", &c.Leeway),
		"require":    texts(d, &c.Require),
		"expired":    block.Text(d, &c.Expired),
	}, "from")
	if err != nil {
		return err
	}
	if err := c.check(); err != nil {
		return d.WrapErr(err)
	}
	return nil
}

func (c *Checks) parseFrom(d *caddyfile.Dispenser) error {
	var p Source
	switch args := d.RemainingArgs(); len(args) {
	case 1:
		p = Source{In: args[0]}
	case 2:
		p = Source{In: args[0], Name: args[1]}
	default:
		return d.Err("from takes a place, cookie, header or query, and a name")
	}
	if err := p.check(); err != nil {
		return d.WrapErr(err)
	}
	c.From = append(c.From, p)
	return nil
}

// texts reads all arguments of a line.
func texts(d *caddyfile.Dispenser, to *[]string) func() error {
	return func() error {
		name := d.Val()
		*to = d.RemainingArgs()
		if len(*to) == 0 {
			return d.Errf("%s needs an argument", name)
		}
		return nil
	}
}

// Interface guard
var _ caddyfile.Unmarshaler = (*Token)(nil)
