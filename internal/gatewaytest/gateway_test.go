package gatewaytest

import (
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Something that is no test may take a port between the look and the use.
func TestAddressInUse(t *testing.T) {
	t.Parallel()
	for name, address := range map[string]func(*Gateway) string{
		"the site's":           func(g *Gateway) string { return g.Addr },
		"the admin endpoint's": func(g *Gateway) string { return strings.TrimPrefix(g.Admin, "http://") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := prepare(t, nil)
			g.file = filepath.Join(t.TempDir(), "Caddyfile")
			g.write("", "http://{$ADDR} {\n\trespond hello\n}")
			first := address(g)
			l, err := net.Listen("tcp", first)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			g.start()
			if address(g) == first {
				t.Error("Caddy is said to be at an address that is another's")
			}
			if _, body := Do(t, "GET", "http://"+g.Addr, ""); body != "hello" {
				t.Errorf("Caddy says %q", body)
			}
		})
	}
}

// A gateway that comes back to its address waits for it.
func TestAddressFreedLater(t *testing.T) {
	t.Parallel()
	g := Start(t, "", "http://{$ADDR} {\n\trespond hello\n}")
	g.Kill()
	l, err := net.Listen("tcp", g.Addr)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		defer l.Close()
		for t.Context().Err() == nil && !strings.Contains(g.Log(), "address already in use") {
			time.Sleep(time.Millisecond)
		}
	}()
	g.Run()
}
