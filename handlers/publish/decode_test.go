package publish

import (
	"bytes"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/klauspost/compress/gzip"
)

func gzipped(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	return b.String()
}

func brotlied(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := brotli.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Codings are undone in the reverse order, whatever their case, up to the limit; what
// cannot be undone is the app's fault.
func TestDecode(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("x", 1000)
	for _, test := range []struct {
		name, body, encoding, want string
		status                     int
	}{
		{"none", "hello", "", "hello", 0},
		{"identity", "hello", "identity, ", "hello", 0},
		{"one", gzipped(t, "hello"), "X-GZIP", "hello", 0},
		{"two", brotlied(t, gzipped(t, "hello")), "gzip, br", "hello", 0},
		{"two in the wrong order", brotlied(t, gzipped(t, "hello")), "br, gzip", "", http.StatusBadGateway},
		{"unknown", "hello", "compress", "", http.StatusBadGateway},
		{"not what it says", "hello", "gzip", "", http.StatusBadGateway},
		{"cut off", gzipped(t, large)[:20], "gzip", "", http.StatusBadGateway},
		{"at the limit", gzipped(t, large), "gzip", large, 0},
		{"above the limit", gzipped(t, large+"x"), "gzip", "", http.StatusRequestEntityTooLarge},
	} {
		got, err := decode([]byte(test.body), test.encoding, int64(len(large)))
		var failed caddyhttp.HandlerError
		if errors.As(err, &failed); string(got) != test.want || failed.StatusCode != test.status {
			t.Errorf("%s: got %q, %v", test.name, got, err)
		}
	}
}
