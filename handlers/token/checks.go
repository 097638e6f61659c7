package token

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/go-jose/go-jose/v4"
	"go.uber.org/zap"

	"github.com/caddy-sse/caddy-sse/internal/bounds"
	"github.com/caddy-sse/caddy-sse/internal/token"
)

// DefaultLeeway is by how much clocks may differ unless configured.
const DefaultLeeway = 5 * time.Second

// What becomes of an EventSource with an expired token.
const (
	Busy   = "busy"
	Refuse = "refuse"
)

// Checks says which tokens are good. One of `secret`, `key_file`, `jwks` and `jwks_file`
// is needed.
type Checks struct {
	// Where a request has its token. The first of these places that has one counts.
	// Default: the header Authorization.
	From []Source `json:"from,omitempty"`

	// The secret that the issuer signs with, by HS256, HS384 or HS512: 32 bytes or more,
	// 48 for HS384, 64 for HS512. Placeholders are filled in when the configuration is
	// loaded, as in all texts here.
	Secret string `json:"secret,omitempty"`

	// A PEM file with the issuer's public keys, or their certificates: RSA of 2048 bits or
	// more, ECDSA or Ed25519. It is read when the configuration is loaded.
	KeyFile string `json:"key_file,omitempty"`

	// The URL of the issuer's JSON Web Key Set, which is read when the first token comes,
	// every 10 minutes, and when a token names another key, but once in 10 seconds at
	// most. While it cannot be read, the keys that are known hold. Redirects are not
	// followed.
	JWKS string `json:"jwks,omitempty"`

	// A file with such a set, read as often.
	JWKSFile string `json:"jwks_file,omitempty"`

	// The algorithms that tokens may be signed by, as RFC 7518, section 3.1, calls them.
	// Default: all that the key can have. A token that is not signed is never good.
	Algorithms []string `json:"algorithms,omitempty"`

	// What the claim `iss` has to be. Default: anything.
	Issuer string `json:"issuer,omitempty"`

	// What the claim `aud` has to be, or to have among others. Default: anything.
	Audience string `json:"audience,omitempty"`

	// By how much the issuer's clock and this one may differ. A token, and its
	// subscriptions, end so much later. Default: 5s. Up to 1h. Negative: not at all.
	Leeway caddy.Duration `json:"leeway,omitempty"`

	// Claims without which a token is not good, such as `exp` or `sub`.
	Require []string `json:"require,omitempty"`

	// What an EventSource is answered whose token has expired: `busy` (default), an event
	// `sse.busy` with `{"reason":"expired"}` after which it comes back, with a new cookie
	// if the page has got one; or `refuse`, 401, at which it gives up for good. All other
	// requests are refused.
	Expired string `json:"expired,omitempty"`

	verifier token.Verifier
	set      *token.Set
	wrong    error // what provision has found
}

// A Source is where a request has a token.
type Source struct {
	// `cookie`, `header` or `query`.
	In string `json:"in,omitempty"`
	// The name of the cookie, of the header, or of the parameter of the URL. Default:
	// Authorization for a header, which no other has: there the token comes after
	// `Bearer `. A token in a URL is in browsers' histories and in many a log.
	Name string `json:"name,omitempty"`
}

const (
	inCookie = "cookie"
	inHeader = "header"
	inQuery  = "query"
)

func (p Source) check() error {
	switch p.In {
	case inCookie, inQuery:
		if p.Name == "" {
			return fmt.Errorf("from %s needs a name", p.In)
		}
	case inHeader:
	default:
		return fmt.Errorf("from %q is not known: it is %s, %s or %s", p.In, inCookie, inHeader, inQuery)
	}
	return nil
}

// of is the request's token in that place.
func (p Source) of(r *http.Request) string {
	switch {
	case p.In == inCookie:
		if cookie, err := r.Cookie(p.Name); err == nil {
			return cookie.Value
		}
		return ""
	case p.In == inQuery:
		return r.URL.Query().Get(p.Name)
	case p.Name != "" && !strings.EqualFold(p.Name, "Authorization"):
		return r.Header.Get(p.Name)
	}
	scheme, value, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(value)
}

// tokenOf is the request's token; empty if it has none.
func (c *Checks) tokenOf(r *http.Request) string {
	for _, place := range c.From {
		if t := place.of(r); t != "" {
			return t
		}
	}
	return ""
}

// provision reads the keys. What is wrong is said by validate.
func (c *Checks) provision(log *zap.Logger) error {
	if len(c.From) == 0 {
		c.From = []Source{{In: inHeader}}
	}
	c.Leeway = cmp.Or(c.Leeway, caddy.Duration(DefaultLeeway))
	filled := *c
	repl := caddy.NewReplacer()
	for _, text := range []*string{&filled.Secret, &filled.KeyFile, &filled.JWKS, &filled.JWKSFile, &filled.Issuer, &filled.Audience} {
		if *text == "" {
			continue
		}
		value, err := repl.ReplaceOrErr(*text, true, true)
		if err != nil {
			c.wrong = fmt.Errorf("sse_token: %w", err)
			return nil //nolint:nilerr // validate says it
		}
		*text = value
	}
	if c.wrong = filled.check(); c.wrong != nil {
		return nil //nolint:nilerr // validate says it
	}
	keys, possible, err := filled.keys(log)
	if err != nil {
		c.wrong = err
		return nil //nolint:nilerr // validate says it
	}
	c.set, _ = keys.(*token.Set)
	algorithms, err := token.Choose(c.Algorithms, possible)
	if err != nil {
		c.wrong = err
	}
	c.verifier = token.Verifier{Keys: keys, Algorithms: algorithms, Rules: token.Rules{
		Issuer: filled.Issuer, Audience: filled.Audience, Leeway: max(0, time.Duration(c.Leeway)), Require: c.Require,
	}}
	return nil
}

// keys are the keys, and the algorithms that they can have.
func (c *Checks) keys(log *zap.Logger) (token.Keys, []jose.SignatureAlgorithm, error) {
	failed := func(err error) {
		log.Warn("the keys of tokens cannot be read; those that are known hold", zap.Error(err))
	}
	switch {
	case c.Secret != "":
		return keysOr(token.Secret(c.Secret))
	case c.KeyFile != "":
		text, err := os.ReadFile(c.KeyFile)
		if err != nil {
			return nil, nil, fmt.Errorf("key_file: %w", err)
		}
		keys, possible, err := token.ParsePEM(text)
		if err != nil {
			return nil, nil, fmt.Errorf("key_file %s: %w", c.KeyFile, err)
		}
		return keys, possible, nil
	case c.JWKS != "":
		if u, err := url.Parse(c.JWKS); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
			return nil, nil, errors.New("jwks is no URL of http or https")
		}
		return token.NewSet(token.Fetch(c.JWKS), failed), token.Asymmetric, nil
	}
	return token.NewSet(func(context.Context) ([]byte, error) { return os.ReadFile(c.JWKSFile) }, failed), token.Asymmetric, nil
}

func keysOr(keys token.Fixed, possible []jose.SignatureAlgorithm, err error) (token.Keys, []jose.SignatureAlgorithm, error) {
	return keys, possible, err
}

func (c *Checks) validate() error { return c.wrong }

// check checks what the configuration says.
func (c *Checks) check() error {
	sources := 0
	for _, source := range []string{c.Secret, c.KeyFile, c.JWKS, c.JWKSFile} {
		if source != "" {
			sources++
		}
	}
	if sources != 1 {
		return errors.New("sse_token needs one of secret, key_file, jwks and jwks_file, from which it knows whose tokens are good")
	}
	for _, place := range c.From {
		if err := place.check(); err != nil {
			return err
		}
	}
	if slices.Contains(c.Require, "") {
		return errors.New("require: a claim has a name")
	}
	switch c.Expired {
	case "", Busy, Refuse:
	default:
		return fmt.Errorf("expired %q is not known: it is %s or %s", c.Expired, Busy, Refuse)
	}
	return bounds.DurationOrOff("leeway", c.Leeway, time.Nanosecond, time.Hour)
}

func (c *Checks) close() {
	if c.set != nil {
		c.set.Close()
	}
}
