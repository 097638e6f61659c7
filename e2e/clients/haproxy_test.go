package clients

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// behindHAProxy runs HAProxy in front of the gateway, and returns its URL. It has one
// connection to it for all.
func (s *site) behindHAProxy(isClear bool) (url string) {
	s.t.Helper()
	dir := s.t.TempDir()
	certificate, key := redistest.Certificate(s.t)
	both := ""
	for _, name := range []string{certificate, key} {
		text, err := os.ReadFile(name)
		if err != nil {
			s.t.Fatal(err)
		}
		both += string(text)
	}
	pem := filepath.Join(dir, "haproxy.pem")
	addr := redistest.FreeAddr(s.t)
	front, back, scheme := "ssl crt "+pem+" alpn h2", "ssl verify none alpn h2", "https"
	if isClear {
		front, back, scheme = "proto h2", "proto h2", "http"
	}
	config := filepath.Join(dir, "haproxy.cfg")
	for name, text := range map[string]string{pem: both, config: fmt.Sprintf(`global
	nbthread 1
defaults
	mode http
	timeout connect 10s
	timeout client 1h
	timeout server 1h
	http-reuse always
frontend all
	bind %s %s
	default_backend caddy
backend caddy
	server caddy %s %s
`, addr, front, s.gateway.Addr, back)} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
	var says text
	cmd := exec.CommandContext(s.t.Context(), "haproxy", "-db", "-f", config)
	cmd.Stderr = &says
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = cmd.Wait() }) // the test's end has ended it
	redistest.Await(s.t, "HAProxy to listen", func() bool {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			return false
		}
		c.Close()
		return true
	})
	return scheme + "://" + addr
}
