package token

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"

	"github.com/go-jose/go-jose/v4"
)

// Fixed are keys that do not change.
type Fixed []Key

// Of implements [Keys].
func (f Fixed) Of(context.Context, string) ([]Key, error) { return f, nil }

// Secret makes a key of a secret that issuer and gateway share, and says which algorithms
// it is long enough for (RFC 7518, section 3.2).
func Secret(secret string) (Fixed, []jose.SignatureAlgorithm, error) {
	var possible []jose.SignatureAlgorithm
	for i, algorithm := range Symmetric {
		if len(secret) >= 32+16*i {
			possible = append(possible, algorithm)
		}
	}
	if len(possible) == 0 {
		return nil, nil, fmt.Errorf("the secret has %d bytes: HS256 needs 32 or more (RFC 7518, section 3.2)", len(secret))
	}
	return Fixed{{Value: []byte(secret)}}, possible, nil
}

// ParsePEM reads public keys, or the certificates that have them.
func ParsePEM(text []byte) (Fixed, []jose.SignatureAlgorithm, error) {
	var keys Fixed
	var possible []jose.SignatureAlgorithm
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		key, err := publicKey(block)
		if err != nil {
			return nil, nil, err
		}
		algorithms := algorithmsOf(key)
		if len(algorithms) == 0 {
			return nil, nil, errors.New("the key is of a kind that signs no tokens, or has less than 2048 bits: RSA, ECDSA of P-256, P-384 or P-521, or Ed25519 is needed")
		}
		keys = append(keys, Key{Value: key})
		for _, a := range algorithms {
			if !slices.Contains(possible, a) {
				possible = append(possible, a)
			}
		}
	}
	if len(keys) == 0 {
		return nil, nil, errors.New("there is no PEM block in it")
	}
	return keys, possible, nil
}

func publicKey(block *pem.Block) (any, error) {
	switch block.Type {
	case "PUBLIC KEY":
		return x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		return x509.ParsePKCS1PublicKey(block.Bytes)
	case "CERTIFICATE":
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		return cert.PublicKey, nil
	}
	return nil, fmt.Errorf("it has a PEM block %q: a public key or a certificate is needed", block.Type)
}

// minRSA is how many bits a key has to have (RFC 7518, section 3.3).
const minRSA = 2048

// algorithmsOf are those that a public key can have; none if it is no such key.
func algorithmsOf(key any) []jose.SignatureAlgorithm {
	switch k := key.(type) {
	case *rsa.PublicKey:
		if k.N.BitLen() >= minRSA {
			return Asymmetric[:6]
		}
	case *ecdsa.PublicKey:
		switch k.Curve.Params().BitSize {
		case 256:
			return []jose.SignatureAlgorithm{jose.ES256}
		case 384:
			return []jose.SignatureAlgorithm{jose.ES384}
		case 521:
			return []jose.SignatureAlgorithm{jose.ES512}
		}
	case ed25519.PublicKey:
		return []jose.SignatureAlgorithm{jose.EdDSA}
	}
	return nil
}

// maxKeys is how many keys of a set are taken.
const maxKeys = 100

// ParseJWKS reads a set of public keys (RFC 7517, section 5). Keys that are for something
// else, or of a kind that is not known, are left out. A secret is none that may be there.
func ParseJWKS(text []byte) ([]Key, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, fmt.Errorf("it is no JSON Web Key Set: %w", err)
	}
	var keys []Key
	for _, raw := range set.Keys {
		var k jose.JSONWebKey
		if json.Unmarshal(raw, &k) != nil || k.Use != "" && k.Use != "sig" {
			continue
		}
		if public := k.Public(); len(algorithmsOf(public.Key)) > 0 && len(keys) < maxKeys {
			keys = append(keys, Key{ID: k.KeyID, Algorithm: k.Algorithm, Value: public.Key})
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("it has no key with which tokens can be checked")
	}
	return keys, nil
}
