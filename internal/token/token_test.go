package token_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	. "github.com/caddy-sse/caddy-sse/internal/token"
)

const secret = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// sign makes a token.
func sign(t testing.TB, algorithm jose.SignatureAlgorithm, key any, id string, claims map[string]any) string {
	t.Helper()
	options := (&jose.SignerOptions{}).WithType("JWT")
	if id != "" {
		options = options.WithHeader("kid", id)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, options)
	if err != nil {
		t.Fatal(err)
	}
	text, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func publicPEM(t testing.TB, key crypto.PublicKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func newKey(t testing.TB, algorithm jose.SignatureAlgorithm) crypto.Signer {
	t.Helper()
	var key crypto.Signer
	var err error
	switch algorithm {
	case jose.ES256:
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case jose.ES384:
		key, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case jose.ES512:
		key, err = ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	case jose.EdDSA:
		_, key, err = ed25519.GenerateKey(rand.Reader)
	default:
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	}
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// Every algorithm is one for its key, and for no other.
func TestAlgorithms(t *testing.T) {
	t.Parallel()
	fixed, possible, err := Secret(secret)
	if err != nil || len(possible) != 3 {
		t.Fatal(possible, err)
	}
	for _, algorithm := range Symmetric {
		v := &Verifier{Keys: fixed, Algorithms: possible}
		if got, err := v.Verify(t.Context(), sign(t, algorithm, []byte(secret), "", map[string]any{"sub": "ann"})); err != nil || got.Subject != "ann" {
			t.Errorf("%s: %v", algorithm, err)
		}
	}
	for _, algorithm := range Asymmetric {
		t.Run(string(algorithm), func(t *testing.T) {
			t.Parallel()
			key := newKey(t, algorithm)
			text := publicPEM(t, key.Public())
			keys, possible, err := ParsePEM(text)
			if err != nil {
				t.Fatal(err)
			}
			v := &Verifier{Keys: keys, Algorithms: possible}
			if got, err := v.Verify(t.Context(), sign(t, algorithm, key, "any", map[string]any{"sub": "ann"})); err != nil || got.Subject != "ann" {
				t.Error(err)
			}
			if _, err := v.Verify(t.Context(), sign(t, algorithm, newKey(t, algorithm), "any", map[string]any{"sub": "ann"})); err == nil {
				t.Error("another's key is taken")
			}
			// The public key as a secret, which everybody has.
			for _, hmac := range Symmetric {
				if _, err := v.Verify(t.Context(), sign(t, hmac, text, "", map[string]any{"sub": "ann"})); err == nil {
					t.Errorf("the public key serves as a secret of %s", hmac)
				}
			}
		})
	}
}

// part is a part of a token.
func part(v any) string {
	text, _ := json.Marshal(v)
	return base64.RawURLEncoding.EncodeToString(text)
}

func TestTokensThatAreNotGood(t *testing.T) {
	t.Parallel()
	fixed, possible, _ := Secret(secret)
	v := &Verifier{Keys: fixed, Algorithms: possible, Rules: Rules{Issuer: "app", Audience: "sse", Leeway: 5 * time.Second, Require: []string{"sub"}}}
	now := time.Now().Unix()
	good := map[string]any{"sub": "ann", "iss": "app", "aud": []string{"rest", "sse"}, "exp": now + 60}
	with := func(name string, value any) string {
		claims := maps.Clone(good)
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
		return sign(t, jose.HS256, []byte(secret), "", claims)
	}
	for name, text := range map[string]string{
		"as it should be":         with("role", "admin"),
		"a little too late":       with("exp", now-3),
		"without an end":          with("exp", nil),
		"an end in the year 9999": with("exp", 253402300799),
	} {
		if _, err := v.Verify(t.Context(), text); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	whole := with("role", "admin")
	_, rest, _ := strings.Cut(whole, ".")
	body, signature, _ := strings.Cut(rest, ".")
	for _, test := range []struct{ name, text, want string }{
		{"expired", with("exp", now-7), "has expired"},
		{"end as text", with("exp", "soon"), "malformed"},
		{"end beyond all", with("exp", 1e300), ""},
		{"not yet", with("nbf", now+60), "not valid yet"},
		{"made in the future", with("iat", now+60), "do not hold"},
		{"other issuer", with("iss", "other"), "another issuer"},
		{"other audience", with("aud", "rest"), "another audience"},
		{"no audience", with("aud", nil), "another audience"},
		{"nobody's", with("sub", nil), `no claim "sub"`},
		{"not signed", part(map[string]any{"alg": "none"}) + "." + body + ".", "no signed JWT"},
		{"not signed, with a signature", part(map[string]any{"alg": "none"}) + "." + body + "." + signature, "algorithm"},
		{"signed for other words", part(map[string]any{"alg": "HS256"}) + "." + part(good) + "." + signature, "none of the keys"},
		{"too long", strings.Repeat("x", 100<<10), "more than 8192"},
		{"encrypted", "a.b.c.d.e", "no signed JWT"},
		{"nothing", "", "no signed JWT"},
		{"dots", "..", "no signed JWT"},
		{"another secret", sign(t, jose.HS256, []byte(strings.Repeat("y", 32)), "", good), "none of the keys"},
		{"deep", with("x", nested(9)), "too deep"},
	} {
		got, err := v.Verify(t.Context(), test.text)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, %v", test.name, got, err)
		}
		if is := errors.Is(err, ErrExpired); is != (test.name == "expired") && test.name != "end beyond all" {
			t.Errorf("%s: expired is %t", test.name, is)
		}
	}
}

func nested(depth int) any {
	if depth == 0 {
		return 1
	}
	return map[string]any{"x": nested(depth - 1)}
}

func TestClaims(t *testing.T) {
	t.Parallel()
	fixed, possible, _ := Secret(secret)
	v := &Verifier{Keys: fixed, Algorithms: possible, Rules: Rules{Leeway: 5 * time.Second}}
	end := time.Now().Add(time.Minute).Truncate(time.Second)
	got, err := v.Verify(t.Context(), sign(t, jose.HS256, []byte(secret), "", map[string]any{
		"sub": "ann", "id": json.Number("12345678901234567890"), "ok": true, "none": nil, "exp": end.Unix(),
		"channels": []any{"chat:1", "chat:2", 3, map[string]any{"x": 1}}, "realm": map[string]any{"roles": []string{"a", "b"}},
	}))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"sub": "ann", "id": "12345678901234567890", "ok": "true", "none": "", "channels": "chat:1 chat:2 3", "realm.roles": "a b",
	} {
		if got.Claims[name] != want {
			t.Errorf("%s is %q, not %q", name, got.Claims[name], want)
		}
	}
	if want := end.Add(5 * time.Second); !got.Expires.Equal(want) {
		t.Errorf("it ends at %s, not %s", got.Expires, want)
	}
}

func TestKeysThatAreNone(t *testing.T) {
	t.Parallel()
	if _, _, err := Secret("short"); err == nil || !strings.Contains(err.Error(), "32 or more") {
		t.Error(err)
	}
	if _, possible, err := Secret(secret[:40]); err != nil || len(possible) != 1 {
		t.Error(possible, err)
	}
	small, err := rsa.GenerateKey(rand.Reader, 1024) //nolint:gosec // that is what is refused
	if err == nil {
		if _, _, err := ParsePEM(publicPEM(t, small.Public())); err == nil || !strings.Contains(err.Error(), "2048") {
			t.Error(err)
		}
	}
	for _, text := range []string{"", "no PEM", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")})), string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: []byte("x")}))} {
		if _, _, err := ParsePEM([]byte(text)); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
	for _, text := range []string{"", "[]", `{"keys":[]}`, `{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}`, `{"keys":[{"kty":"new"}]}`, `{"keys":null}`} {
		if _, err := ParseJWKS([]byte(text)); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
	if _, err := Choose([]string{"HS256"}, Asymmetric); err == nil || !strings.Contains(err.Error(), "not one for this key") {
		t.Error(err)
	}
	if _, err := Choose([]string{"none"}, Symmetric); err == nil {
		t.Error("none is taken")
	}
}

// An issuer has keys, which change, and counts how often they are read.
type issuer struct {
	reads int
	keys  map[string]crypto.Signer
	err   error
}

func (i *issuer) read(context.Context) ([]byte, error) {
	i.reads++
	if i.err != nil {
		return nil, i.err
	}
	var set jose.JSONWebKeySet
	for id, key := range i.keys {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: key.Public(), KeyID: id, Use: "sig"})
	}
	return json.Marshal(set)
}

// Whatever keys tokens name, the issuer is asked once in 10 seconds; a new key is found,
// and while the issuer is away the old ones hold.
func TestSet(t *testing.T) {
	t.Parallel()
	first, second := newKey(t, jose.ES256), newKey(t, jose.ES256)
	claims := map[string]any{"sub": "ann"}
	tokens := map[string]string{"1": sign(t, jose.ES256, first, "1", claims), "2": sign(t, jose.ES256, second, "2", claims), "": sign(t, jose.ES256, first, "", claims)}
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{keys: map[string]crypto.Signer{"1": first}, err: errors.New("it is away")}
		failures := 0
		set := NewSet(i.read, func(error) { failures++ })
		defer set.Close()
		v := &Verifier{Keys: set, Algorithms: Asymmetric}
		check := func(id string, want error) {
			t.Helper()
			if _, err := v.Verify(t.Context(), tokens[id]); !errors.Is(err, want) {
				t.Errorf("key %q: %v", id, err)
			}
		}
		check("1", ErrUnavailable)
		check("1", ErrUnavailable)
		if i.reads != 1 || failures != 1 {
			t.Errorf("%d reads, %d failures", i.reads, failures)
		}
		i.err = nil
		time.Sleep(Pause)
		check("1", nil)
		check("", nil)
		check("1", nil)
		if i.reads != 2 {
			t.Errorf("%d reads", i.reads)
		}
		// A key of a moment ago may be new, one that the issuer does not have is wrong.
		check("2", ErrUnavailable)
		time.Sleep(Pause)
		for range 1000 {
			if _, err := v.Verify(t.Context(), tokens["2"]); err == nil {
				t.Fatal("a key that is not there")
			}
		}
		if i.reads != 3 {
			t.Errorf("%d reads", i.reads)
		}
		i.keys["2"] = second
		time.Sleep(Pause)
		check("2", nil)
		if i.reads != 4 {
			t.Errorf("%d reads", i.reads)
		}
		// It is away, when the keys are to be read again.
		i.err = errors.New("it is away")
		time.Sleep(Refresh)
		check("1", nil)
		synctest.Wait()
		check("2", nil)
		if i.reads != 5 || failures != 2 {
			t.Errorf("%d reads, %d failures", i.reads, failures)
		}
		// A key that is taken back.
		i.err = nil
		delete(i.keys, "1")
		time.Sleep(Pause)
		check("1", nil)
		synctest.Wait()
		if _, err := v.Verify(t.Context(), tokens["1"]); err == nil {
			t.Error("a key that was taken back")
		}
	})
}

// A set that does not come holds a request up for as long as a reading takes at most.
func TestSetThatHangs(t *testing.T) {
	t.Parallel()
	text := sign(t, jose.ES256, newKey(t, jose.ES256), "1", map[string]any{"sub": "ann"})
	synctest.Test(t, func(t *testing.T) {
		set := NewSet(func(ctx context.Context) ([]byte, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}, func(error) {})
		defer set.Close()
		v := &Verifier{Keys: set, Algorithms: Asymmetric}
		began := time.Now()
		if _, err := v.Verify(t.Context(), text); !errors.Is(err, ErrUnavailable) {
			t.Error(err)
		}
		if took := time.Since(began); took != 5*time.Second {
			t.Error(took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		time.Sleep(Pause)
		if _, err := v.Verify(ctx, text); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}

func ExampleSecret() {
	_, possible, err := Secret("0123456789abcdef0123456789abcdef")
	fmt.Println(possible, err)
	// Output: [HS256] <nil>
}
