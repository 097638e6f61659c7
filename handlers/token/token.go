// Package token is the directive sse_token, and the provider of the same name for Caddy's
// authentication handler.
package token

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/caddy-sse/caddy-sse/handlers/answer"
	"github.com/caddy-sse/caddy-sse/handlers/request"
	"github.com/caddy-sse/caddy-sse/internal/eventstream"
	"github.com/caddy-sse/caddy-sse/internal/gateway"
	"github.com/caddy-sse/caddy-sse/internal/jitter"
	"github.com/caddy-sse/caddy-sse/internal/protocol"
	"github.com/caddy-sse/caddy-sse/internal/ratelog"
	"github.com/caddy-sse/caddy-sse/internal/token"
	sse "github.com/caddy-sse/caddy-sse/module"
)

func init() { caddy.RegisterModule(&Token{}) }

// Token lets requests through that bring a good token: a JSON Web Token (RFC 7519) that
// an app or an identity provider has signed. All others are refused with status 401.
//
// Its claims are placeholders as Caddy's own authentication has them:
// `{http.auth.user.id}` is `sub`, and `{http.auth.user.<claim>}` any claim, as text: the
// items of a list with a space between, what is within an object by its path, as
// `{http.auth.user.realm_access.roles}`. A subscription of sse_subscribe ends when its
// token does.
type Token struct {
	Checks

	app     *sse.App
	refused ratelog.Limiter
	log     *zap.Logger
}

// CaddyModule returns the Caddy module information.
func (*Token) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.handlers.sse_token",
		New: func() caddy.Module { return new(Token) },
	}
}

// Provision sets up the handler.
func (h *Token) Provision(ctx caddy.Context) error {
	var err error
	if h.app, err = sse.FromContext(ctx); err != nil {
		return err
	}
	h.log = ctx.Logger()
	return h.provision(h.log)
}

// Validate checks the settings.
func (h *Token) Validate() error { return h.validate() }

// Cleanup ends what reads keys.
func (h *Token) Cleanup() error {
	h.close()
	return nil
}

func (h *Token) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) (err error) {
	defer answer.Error(w, r, &err)
	t, err := h.verify(r)
	switch {
	case err == nil:
		admit(r, t)
		return next.ServeHTTP(w, r)
	case errors.Is(err, token.ErrExpired) && h.Expired != Refuse && isEventSource(r):
		return h.sendAway(w, r, protocol.BusyExpired)
	case errors.Is(err, token.ErrUnavailable) && isEventSource(r):
		return h.sendAway(w, r, protocol.BusyGate)
	case errors.Is(err, token.ErrUnavailable):
		return answer.Refuse(w, http.StatusServiceUnavailable, request.NewRefusal("the token cannot be checked now: try again later", err))
	case r.Context().Err() != nil:
		return r.Context().Err()
	}
	h.refused.Do(func(suppressed int) {
		h.log.Info("a request was refused for its token", zap.Error(err), zap.Int("others_meanwhile", suppressed))
	})
	// RFC 6750, section 3: a request without a token is told no more than the scheme.
	challenge, sentence := "Bearer", "a token is needed"
	if !errors.Is(err, errNone) {
		challenge, sentence = `Bearer error="invalid_token"`, "the token is not good"
		if errors.Is(err, token.ErrExpired) {
			sentence = "the token has expired"
		}
	}
	w.Header().Set("WWW-Authenticate", challenge)
	return answer.Refuse(w, http.StatusUnauthorized, errors.New(sentence))
}

// sendAway has an EventSource come back, which would give up at any status but 200.
func (h *Token) sendAway(w http.ResponseWriter, r *http.Request, reason protocol.BusyReason) error {
	h.app.Gateway().CountBusy(reason)
	retry := time.Duration(cmp.Or(h.app.Retry, caddy.Duration(3*time.Second)))
	return gateway.SendAway(w, r, reason, jitter.Spread(retry, 0.5))
}

// isEventSource reports whether the request is by something that names the media type: one
// that takes anything may well be for JSON.
func isEventSource(r *http.Request) bool {
	return r.Method == http.MethodGet && request.Names(r, eventstream.ContentType)
}

// admit tells those who come after of the token.
func admit(r *http.Request, t *token.Token) {
	if repl, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer); ok {
		repl.Set("http.auth.user.id", t.Subject)
		for name, value := range t.Claims {
			repl.Set("http.auth.user."+name, value)
		}
	}
	request.SetUntil(r, t.Expires)
}

var errNone = errors.New("there is no token")

// verify checks the request's token.
func (c *Checks) verify(r *http.Request) (*token.Token, error) {
	raw := c.tokenOf(r)
	if raw == "" {
		return nil, errNone
	}
	t, err := c.verifier.Verify(r.Context(), raw)
	if err != nil {
		return nil, fmt.Errorf("sse_token: %w", err)
	}
	return t, nil
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Token)(nil)
	_ caddy.Validator             = (*Token)(nil)
	_ caddy.CleanerUpper          = (*Token)(nil)
	_ caddyhttp.MiddlewareHandler = (*Token)(nil)
)
