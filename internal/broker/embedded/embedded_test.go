package embedded_test

import (
	"strings"
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/broker/embedded"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

func TestStart(t *testing.T) {
	t.Parallel()
	for _, addr := range []string{"0.0.0.0:6379", ":6379", "192.168.1.7:6379", "example.com:6379", "127.0.0.1"} {
		if err := embedded.CheckAddress(addr); err == nil {
			t.Errorf("%s is taken", addr)
		}
	}
	addr := redistest.FreeAddr(t)
	server, err := embedded.Start(addr)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	if _, err := embedded.Start(addr); err == nil || !strings.Contains(err.Error(), "is a Redis running there already?") {
		t.Errorf("a second server there: %v", err)
	}
}
