package request

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

const secret = "0123456789abcdef0123456789abcdef"

// signatureOf is made as docs/access.md says.
func signatureOf(secret, text string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(text))
	return hex.EncodeToString(mac.Sum(nil))
}

func TestSignedChannels(t *testing.T) {
	t.Parallel()
	exp := fmt.Sprint(time.Now().Add(time.Hour).Unix())
	sign := func(exp string, channels ...string) string {
		return signatureOf(secret, "sse1\n"+exp+"\n"+strings.Join(channels, "\n"))
	}
	for name, test := range map[string]struct {
		channels []string
		exp, sig string
		status   int // 0: they are taken
	}{
		"one":                   {[]string{"chat:42"}, exp, sign(exp, "chat:42"), 0},
		"two":                   {[]string{"a", "b"}, exp, sign(exp, "a", "b"), 0},
		"in capitals":           {[]string{"a"}, exp, strings.ToUpper(sign(exp, "a")), 0},
		"another one":           {[]string{"chat:43"}, exp, sign(exp, "chat:42"), 403},
		"one more":              {[]string{"a", "b"}, exp, sign(exp, "a"), 403},
		"one less":              {[]string{"a"}, exp, sign(exp, "a", "b"), 403},
		"in another order":      {[]string{"b", "a"}, exp, sign(exp, "a", "b"), 403},
		"two as one":            {[]string{"a\nb"}, exp, sign(exp, "a", "b"), 400},
		"later":                 {[]string{"a"}, exp + "0", sign(exp, "a"), 403},
		"by another secret":     {[]string{"a"}, exp, signatureOf("another secret, of the same kind", "sse1\n"+exp+"\na"), 403},
		"of another kind":       {[]string{"a"}, exp, signatureOf(secret, exp+"\na"), 403},
		"cut short":             {[]string{"a"}, exp, sign(exp, "a")[:62], 403},
		"no signature":          {[]string{"a"}, exp, "", 403},
		"no hexadecimal":        {[]string{"a"}, exp, "xyz", 403},
		"no channel":            {nil, exp, sign(exp), 400},
		"a reserved one":        {[]string{"sse.control"}, exp, sign(exp, "sse.control"), 400},
		"over":                  {[]string{"a"}, "1700000000", sign("1700000000", "a"), 403},
		"without end":           {[]string{"a"}, "", sign("", "a"), 400},
		"an end that is no one": {[]string{"a"}, "1e12", sign("1e12", "a"), 400},
		"after the year 9999":   {[]string{"a"}, "253402300800", sign("253402300800", "a"), 400},
	} {
		r := httptest.NewRequest(http.MethodGet, "/?"+url.Values{"channel": test.channels, "exp": {test.exp}, "sig": {test.sig}}.Encode(), nil)
		r = r.WithContext(context.WithValue(r.Context(), caddyhttp.VarsCtxKey, map[string]any{}))
		got, err := SignedChannels(r, [][]byte{[]byte("the secret of the next year 2027"), []byte(secret)})
		switch {
		case test.status == 0 && (err != nil || !slices.Equal(got, test.channels) || fmt.Sprint(Until(r).Unix()) != exp):
			t.Errorf("%s: %q, %v, until %s", name, got, err, Until(r))
		case test.status != 0 && (err == nil || StatusOf(err) != test.status):
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestSignedCheck(t *testing.T) {
	t.Setenv("SSE_SHORT", "short")
	t.Setenv("SSE_LONG", secret+"\n")
	for text, want := range map[string]string{"": "needs a secret", "short": "16 bytes at least, not 5", secret: ""} {
		if err := (Signed{text}).Check(); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
	for text, want := range map[string]string{"{env.SSE_SHORT}": "16 bytes at least, not 5", "{env.SSE_NOTHING}": "signed: ", "{env.SSE_LONG}": ""} {
		keys, err := Signed{text}.Keys()
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
		if want == "" && string(keys[0]) != secret {
			t.Errorf("%q: %q", text, keys)
		}
	}
}
