// Package token checks tokens that an app or an identity provider has signed: JSON Web
// Tokens (RFC 7519) in the compact form of JWS (RFC 7515).
package token

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// MaxLength is how many bytes a token may have: more than a browser's cookie can.
const MaxLength = 8 << 10

// Why a token is not good.
var (
	// ErrExpired: it was good, and its holder needs a new one.
	ErrExpired = errors.New("the token has expired")
	// ErrUnavailable: its key is not known, and the issuer's keys cannot be read now, or
	// were a moment ago. It may be good when it comes again.
	ErrUnavailable = errors.New("the issuer's keys cannot be read now")
)

// Rules are what is asked of a token besides its signature.
type Rules struct {
	// Issuer is what `iss` has to be; empty: anything.
	Issuer string
	// Audience is what `aud` has to be, or to have; empty: anything.
	Audience string
	// Leeway is by how much the clocks of the issuer and of the gateway may differ.
	Leeway time.Duration
	// Require are claims that have to be there, and not empty.
	Require []string
}

// A Verifier checks tokens. It is safe for concurrent use.
type Verifier struct {
	Keys       Keys
	Algorithms []jose.SignatureAlgorithm
	Rules      Rules
}

// Keys are those with which tokens are signed.
type Keys interface {
	// Of returns those that a token with that key ID may be signed with. The error is
	// ErrUnavailable where they are not known now.
	Of(ctx context.Context, id string) ([]Key, error)
}

// A Key is a secret, or a public key.
type Key struct {
	ID        string // empty: it is for all tokens
	Algorithm string // empty: any that is one for it
	Value     any    // []byte, *rsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey
}

// A Token is one that is good.
type Token struct {
	// Subject is `sub`, and may be empty.
	Subject string
	// Expires is when its right ends, the leeway included; the zero time: never.
	Expires time.Time
	// Claims are all of its claims as text; see [Verifier.Verify].
	Claims map[string]string
}

// Verify checks a token. Its claims are told as text: numbers and truth values as JSON
// has them, lists of these with a space between, and what is within an object by its
// path, with dots between: `realm_access.roles`.
func (v *Verifier) Verify(ctx context.Context, raw string) (*Token, error) {
	if len(raw) > MaxLength {
		return nil, fmt.Errorf("the token has %d bytes, more than %d", len(raw), MaxLength)
	}
	parsed, err := jwt.ParseSigned(raw, v.Algorithms)
	if err != nil {
		return nil, fmt.Errorf("the token is no signed JWT of an algorithm that is allowed: %w", err)
	}
	header := parsed.Headers[0] // the compact form has one
	keys, err := v.Keys.Of(ctx, header.KeyID)
	if err != nil {
		return nil, err
	}
	var standard jwt.Claims
	var all payload
	isSigned := false
	for _, k := range keys {
		if k.Algorithm != "" && k.Algorithm != header.Algorithm {
			continue
		}
		if err = parsed.Claims(k.Value, &all); err == nil {
			isSigned = true
			break
		}
	}
	if !isSigned {
		return nil, errors.New("the token is signed by none of the keys")
	}
	if err := parsed.UnsafeClaimsWithoutVerification(&standard); err != nil { // they were, a moment ago
		return nil, fmt.Errorf("the token's claims are malformed: %w", err)
	}
	claims, err := all.flatten()
	if err != nil {
		return nil, fmt.Errorf("the token's claims are malformed: %w", err)
	}
	if err := v.Rules.check(&standard, claims); err != nil {
		return nil, err
	}
	t := &Token{Subject: standard.Subject, Claims: claims}
	if standard.Expiry != nil {
		t.Expires = standard.Expiry.Time().Add(v.Rules.Leeway)
	}
	return t, nil
}

func (r *Rules) check(standard *jwt.Claims, claims map[string]string) error {
	expected := jwt.Expected{Issuer: r.Issuer}
	if r.Audience != "" {
		expected.AnyAudience = jwt.Audience{r.Audience}
	}
	for _, name := range r.Require {
		if claims[name] == "" {
			return fmt.Errorf("the token has no claim %q", name)
		}
	}
	// The end comes last: who has nothing but an old token may get a new one.
	expiry := standard.Expiry
	standard.Expiry = nil
	err := standard.ValidateWithLeeway(expected, r.Leeway)
	standard.Expiry = expiry
	switch {
	case errors.Is(err, jwt.ErrInvalidIssuer):
		return errors.New("the token is of another issuer")
	case errors.Is(err, jwt.ErrInvalidAudience):
		return errors.New("the token is for another audience")
	case errors.Is(err, jwt.ErrNotValidYet):
		return errors.New("the token is not valid yet")
	case err != nil:
		return fmt.Errorf("the token's claims do not hold: %w", err)
	case expiry != nil && !time.Now().Before(expiry.Time().Add(r.Leeway)):
		return ErrExpired
	}
	return nil
}

// Symmetric are the algorithms of secrets, and how many bytes a secret has to have for
// each (RFC 7518, section 3.2).
var Symmetric = []jose.SignatureAlgorithm{jose.HS256, jose.HS384, jose.HS512}

// Asymmetric are those of public keys.
var Asymmetric = []jose.SignatureAlgorithm{
	jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512, jose.ES256, jose.ES384, jose.ES512, jose.EdDSA,
}

// Choose returns the algorithms of the names, or all that the keys can have if there are
// none. One that they cannot have is an error.
func Choose(names []string, possible []jose.SignatureAlgorithm) ([]jose.SignatureAlgorithm, error) {
	if len(names) == 0 {
		return possible, nil
	}
	chosen := make([]jose.SignatureAlgorithm, len(names))
	for i, name := range names {
		chosen[i] = jose.SignatureAlgorithm(name)
		if !slices.Contains(possible, chosen[i]) {
			return nil, fmt.Errorf("algorithm %q is not one for this key: it is one of %v", name, possible)
		}
	}
	return chosen, nil
}
