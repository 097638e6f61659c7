package blackbox_test

import (
	"crypto/tls"
	"net/http"
	"testing"

	"github.com/quic-go/quic-go/http3"
)

// http3Client is a client that speaks HTTP/3.
func http3Client(t testing.TB) *http.Client {
	tr := &http3.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // a test's own certificate
	t.Cleanup(func() { _ = tr.Close() })
	return &http.Client{Transport: tr}
}
