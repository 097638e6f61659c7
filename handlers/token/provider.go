package token

import (
	"errors"
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/caddyauth"

	"github.com/caddy-sse/caddy-sse/handlers/request"
	"github.com/caddy-sse/caddy-sse/internal/token"
)

func init() { caddy.RegisterModule(&Provider{}) }

// Provider has Caddy's authentication handler accept tokens, besides what its other
// providers accept. It refuses with status 401 whatever is wrong, also in passing: the
// handler `sse_token` knows better what an EventSource survives.
type Provider struct {
	Checks
}

// CaddyModule returns the Caddy module information.
func (*Provider) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.authentication.providers.sse_token",
		New: func() caddy.Module { return new(Provider) },
	}
}

// Provision sets up the provider.
func (p *Provider) Provision(ctx caddy.Context) error { return p.provision(ctx.Logger()) }

// Validate checks the settings.
func (p *Provider) Validate() error { return p.validate() }

// Cleanup ends what reads keys.
func (p *Provider) Cleanup() error {
	p.close()
	return nil
}

// Authenticate implements [caddyauth.Authenticator]. An error is for what fails here, not
// for a token that is not good, which Caddy would log each time.
func (p *Provider) Authenticate(_ http.ResponseWriter, r *http.Request) (caddyauth.User, bool, error) {
	t, err := p.verify(r)
	if err != nil {
		if !errors.Is(err, token.ErrUnavailable) {
			err = nil
		}
		return caddyauth.User{}, false, err
	}
	request.SetUntil(r, t.Expires)
	return caddyauth.User{ID: t.Subject, Metadata: t.Claims}, true, nil
}

// Interface guards
var (
	_ caddy.Provisioner       = (*Provider)(nil)
	_ caddy.Validator         = (*Provider)(nil)
	_ caddy.CleanerUpper      = (*Provider)(nil)
	_ caddyauth.Authenticator = (*Provider)(nil)
)
