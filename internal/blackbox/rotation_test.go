package blackbox_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

const rotationSite = `http://{$ADDR} {
	sse_subscribe /events a
	sse_health /health
}`

// A password that is changed, in Redis and in the file that the configuration
// names, is used by the next connection, without a reload; and a reload cuts
// nobody.
func TestRotatedPassword(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "password")
	write := func(password string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(password), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("old")
	server := redistest.Start(t, "--requirepass", "old")
	global := "\tsse {\n\t\tredis " + server.Addr + " {\n\t\t\tpassword {file." + file + "}\n\t\t}\n\t\tdrain 0\n\t}"
	g := gatewaytest.Start(t, global, rotationSite)
	s := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), "http://"+g.Addr+"/events")
	s.Await("id: ")

	admin := server.Client(func(o *redis.Options) { o.Password = "old" })
	if err := admin.ConfigSet(t.Context(), "requirepass", "new").Err(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(file); err != nil { // as while it is being replaced
		t.Fatal(err)
	}
	admin = server.Client(func(o *redis.Options) { o.Password = "new" })
	cut := func() {
		t.Helper()
		for _, kind := range []string{"normal", "pubsub"} {
			if err := admin.ClientKillByFilter(t.Context(), "TYPE", kind, "SKIPME", "yes").Err(); err != nil {
				t.Fatal(err)
			}
		}
	}
	cut()
	redistest.Await(t, "the log", func() bool { return strings.Contains(g.Log(), "the secrets for redis cannot be read again") })
	write("new")
	redistest.Await(t, "Redis to be up", func() bool {
		r, _ := gatewaytest.Do(t, "GET", "http://"+g.Addr+"/health", "")
		return r.StatusCode == http.StatusOK
	})
	publish := func(payload string) {
		t.Helper()
		if err := admin.Publish(t.Context(), "a", payload).Err(); err != nil {
			t.Fatal(err)
		}
		s.Await("data: " + payload + "\n\n")
	}
	publish("with the new password")
	g.Reload(global+"\n\tgrace_period 10s", rotationSite)
	publish("after a reload")
	if strings.Contains(g.Log(), `"new"`) {
		t.Error("the log holds the password")
	}
}

// So it is with the certificates on both sides.
func TestRotatedCertificate(t *testing.T) {
	t.Parallel()
	cert, key := redistest.Certificate(t)
	newCert, newKey := redistest.Certificate(t)
	addr := redistest.FreeAddr(t)
	_, port, _ := strings.Cut(addr, ":")
	server := redistest.Start(t, "--tls-port", port, "--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", cert)
	g := gatewaytest.Start(t, fmt.Sprintf(`	sse {
		redis %s {
			tls {
				ca %[2]s
				cert %[2]s
				key %[3]s
				server_name redis.test
			}
		}
		drain 0
	}`, addr, cert, key), rotationSite)
	s := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), "http://"+g.Addr+"/events")
	s.Await("id: ")

	for from, to := range map[string]string{newCert: cert, newKey: key} {
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	server.Do("CONFIG", "SET", "tls-cert-file", cert, "tls-key-file", key, "tls-ca-cert-file", cert)
	server.Do("CLIENT", "KILL", "TYPE", "pubsub")
	s.Await("event: sse.gap") // it is connected again
	server.Do("PUBLISH", "a", "with the new certificate")
	s.Await("data: with the new certificate\n\n")
}

// A reload that asks the embedded server for notifications, which it has not got,
// goes on with the server that is there.
func TestEmbeddedRedisOutlivesAReload(t *testing.T) {
	t.Parallel()
	addr := redistest.FreeAddr(t)
	global := "\tsse {\n\t\tredis embedded " + addr + "\n\t\tdrain 0\n\t}"
	site := `http://{$ADDR} {
	sse_publish /say kept {
		store
	}
	sse_history /past kept
}`
	g := gatewaytest.Start(t, global, site)
	redistest.Await(t, "the first event", func() bool {
		r, _ := gatewaytest.Do(t, "POST", "http://"+g.Addr+"/say", "before")
		return r.StatusCode == http.StatusOK
	})
	g.Reload(strings.Replace(global, addr, addr+" {\n\t\t\tkeyspace_notifications\n\t\t}", 1), site)
	if _, body := gatewaytest.Do(t, "GET", "http://"+g.Addr+"/past", ""); !strings.Contains(body, "before") {
		t.Errorf("the history is %s", body)
	}
}
