package blackbox_test

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// A client that is gone without a FIN, as after a power cut, is found by the
// heartbeat.
func TestVanishedClients(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	g := gatewaytest.Start(t, "\tdebug\n"+gatewaytest.RedisOption(server), `http://{$ADDR} {
	sse_subscribe /events a {
		heartbeat 300ms
	}
}`)
	conn, _ := gatewaytest.Raw(t, g.Addr, "/events", false)
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	// A socket in repair mode is closed without a word (tcp(7) has no more).
	var repair error
	if err := raw.Control(func(fd uintptr) {
		repair = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_REPAIR, 1)
	}); err != nil {
		t.Fatal(err)
	}
	if repair != nil {
		t.Skipf("no right to use TCP_REPAIR: %v", repair)
	}
	conn.Close()
	redistest.Await(t, "the end of the subscription", func() bool { return server.Listeners("a") == 0 })
	redistest.Await(t, "the reason in the log", func() bool { return strings.Contains(g.Log(), "the client left") })
}

// Over every way, a client whose packets are lost from now on has left once it has
// acknowledged nothing for twice the write timeout.
func TestVanishedClientsEveryWay(t *testing.T) {
	eachFarWay(t, "heartbeat 500ms\nwrite_timeout 2s", nil, func(t *testing.T, f farWay) {
		gatewaytest.Subscribe(t, f.client(t).Client, f.url(f.gateway)+"a").Await("retry")
		f.namespace.Vanish()
		redistest.Await(t, "the end of the subscription", func() bool { return f.redis.Listeners("a") == 0 })
	})
}
