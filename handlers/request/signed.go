package request

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// Signed has the app say by a signature in the URL which channels its client may read, and
// until when: `?channel=chat:42&exp=1700000000&sig=…`, with one `channel` or several. `sig`
// is the HMAC-SHA256, in hexadecimal, of `sse1`, `exp` and each channel in their order, with
// line feeds between, by a secret of at least 16 bytes. Placeholders are filled in when the
// configuration is loaded. Where there are several secrets any of them is good, so that they
// can be changed.
type Signed []string

const (
	// minSecret is how many bytes a secret has at least.
	minSecret = 16
	// signedText begins what is signed.
	signedText = "sse1"
	// latestExp is the last second of the year 9999.
	latestExp = 253402300799
)

// Check checks the secrets as they stand in the configuration.
func (s Signed) Check() error {
	for _, secret := range s {
		switch {
		case secret == "":
			return errors.New("signed needs a secret, as {env.SSE_SECRET}")
		case !strings.Contains(secret, "{") && len(secret) < minSecret:
			return fmt.Errorf("signed: a secret has %d bytes at least, not %d: make one by `openssl rand -hex 32`", minSecret, len(secret))
		}
	}
	return nil
}

// ParseSigned reads the subdirective signed.
func ParseSigned(d *caddyfile.Dispenser, to *Signed) func() error {
	return func() error {
		if *to = d.RemainingArgs(); len(*to) == 0 {
			return d.Err("signed needs a secret, as {env.SSE_SECRET}")
		}
		if err := to.Check(); err != nil {
			return d.WrapErr(err)
		}
		return nil
	}
}

// Keys are the secrets, their placeholders filled in.
func (s Signed) Keys() (keys [][]byte, err error) {
	repl := caddy.NewReplacer()
	for _, secret := range s {
		filled, err := repl.ReplaceOrErr(secret, true, true)
		if err != nil {
			return nil, fmt.Errorf("signed: %w", err)
		}
		if filled = strings.TrimSpace(filled); len(filled) < minSecret { // a file ends with a line feed
			return nil, fmt.Errorf("signed: the secret %s has %d bytes at least, not %d: make one by `openssl rand -hex 32`", secret, minSecret, len(filled))
		}
		keys = append(keys, []byte(filled))
	}
	return keys, nil
}

// errSignature says nothing of what is wrong, which only who guesses would want to know.
var errSignature = NewRefusal("the channels are not signed, or not by this server's secret", nil)

// errSignatureOver says that the page needs another URL.
var errSignatureOver = NewRefusal("the signature has expired: ask the app for another URL", nil)

// SignedChannels are the channels that a request names with a good signature, and when the
// right to them ends, which it notes; see [SetUntil].
func SignedChannels(r *http.Request, keys [][]byte) ([]string, error) {
	query := r.URL.Query()
	channels, exp := query["channel"], query.Get("exp")
	if len(channels) == 0 {
		return nil, errors.New("a signed request names its channels: ?channel=<name>&exp=<seconds>&sig=<signature>")
	}
	for _, channel := range channels {
		if err := checkFilled(channel); err != nil {
			return nil, err
		}
	}
	sig, err := hex.DecodeString(query.Get("sig"))
	if err != nil || !isSigned(keys, exp, channels, sig) {
		return nil, errSignature
	}
	seconds, err := strconv.ParseInt(exp, 10, 64)
	if err != nil || seconds < 1 || seconds > latestExp {
		return nil, NewRefusal("exp is no Unix time in seconds", err)
	}
	until := time.Unix(seconds, 0)
	if !time.Now().Before(until) {
		return nil, errSignatureOver
	}
	SetUntil(r, until)
	return Once(channels), nil
}

func isSigned(keys [][]byte, exp string, channels []string, sig []byte) bool {
	text := []byte(signedText + "\n" + exp + "\n" + strings.Join(channels, "\n"))
	isGood := false
	for _, key := range keys {
		mac := hmac.New(sha256.New, key)
		mac.Write(text)
		isGood = hmac.Equal(mac.Sum(nil), sig) || isGood
	}
	return isGood
}
