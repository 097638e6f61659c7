package blackbox_test

import (
	"strings"
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// Redis over TLS, with certificates for both sides.
func TestRedisOverTLS(t *testing.T) {
	t.Parallel()
	cert, key := redistest.Certificate(t)
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
