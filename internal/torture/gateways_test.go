package torture

import (
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// A gateway is what subscribers come to: at the same address after a crash.
type gateway struct {
	number    int
	addr      string
	kill, run func()
}

// startGateways runs Caddy three times, with these further lines of the option.
func startGateways(t *testing.T, server *redistest.Server, option string) []gateway {
	t.Helper()
	gateways := make([]gateway, 3)
	for i := range gateways {
		g := gatewaytest.Start(t, "\tsse {\n\t\tredis "+server.Addr+"\n\t\tdrain 0\n"+option+"\t}", `http://{$ADDR} {
	sse_subscribe /h/* {path.1} {
		history max 100000
	}
	sse_subscribe /live/* {path.1}
}`)
		gateways[i] = gateway{i, g.Addr, g.Kill, g.Run}
	}
	return gateways
}
