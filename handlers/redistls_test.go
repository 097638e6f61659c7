package handlers_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// Redis over TLS, with certificates for both sides.
func TestRedisOverTLS(t *testing.T) {
	t.Parallel()
	cert, key := certificate(t)
	addr := redistest.FreeAddr(t)
	_, port, _ := strings.Cut(addr, ":")
	server := redistest.Start(t, "--tls-port", port, "--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", cert)
	for name, test := range map[string]struct{ redis, log string }{
		"by block":     {addr + " {\n\t\t\ttls {\n\t\t\t\tca " + cert + "\n\t\t\t\tcert " + cert + "\n\t\t\t\tkey " + key + "\n\t\t\t\tserver_name redis.test\n\t\t\t}\n\t\t}", "listening to redis"},
		"by URL":       {"rediss://" + addr + " {\n\t\t\ttls {\n\t\t\t\tca {env.CERT}\n\t\t\t\tcert {env.CERT}\n\t\t\t\tkey " + key + "\n\t\t\t\tserver_name redis.test\n\t\t\t}\n\t\t}", "listening to redis"},
		"another name": {addr + " {\n\t\t\ttls {\n\t\t\t\tca " + cert + "\n\t\t\t\tcert " + cert + "\n\t\t\t\tkey " + key + "\n\t\t\t}\n\t\t}", "certificate"},
		"no trust":     {addr + " {\n\t\t\ttls {\n\t\t\t\tserver_name redis.test\n\t\t\t}\n\t\t}", "certificate signed by unknown authority"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := gatewaytest.Start(t, "\tsse {\n\t\tredis "+test.redis+"\n\t\tdrain 0\n\t}", `http://{$ADDR} {
	sse_subscribe /events a
}`, "CERT="+cert)
			redistest.Await(t, "the log", func() bool { return strings.Contains(g.Log(), test.log) })
			if test.log != "listening to redis" {
				return
			}
			s := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), "http://"+g.Addr+"/events")
			server.Do("PUBLISH", "a", "over TLS")
			s.Await("data: over TLS\n\n")
		})
	}
}

// certificate makes one for redis.test that signs itself, and returns its files.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "redis.test"}, DNSNames: []string{"redis.test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: pkcs8}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}
