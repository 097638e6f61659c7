package torture

import (
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// A gateway is what subscribers come to: at the same address after a crash.
type gateway struct {
	number            int
	addr, admin       string
	kill, run, reload func()
}

const sites = `http://{$ADDR} {
	sse_subscribe /h/* {path.1} {
		history max 100000
	}
	sse_subscribe /here/* {path.1} {
		history max 100000
		presence {query.member}
	}
	sse_presence /here/* {path.1}
	sse_subscribe /live/* {path.1}
}`

// startGateways runs Caddy three times, with these further lines of the option.
func startGateways(t *testing.T, server *redistest.Server, option string) []gateway {
	t.Helper()
	gateways := make([]gateway, 3)
	for i := range gateways {
		global := "\tsse {\n\t\tredis " + server.Addr + "\n\t\tdrain 0\n" + option + "\t}"
		g := gatewaytest.Start(t, global, sites)
		gateways[i] = gateway{i, g.Addr, g.Admin, g.Kill, g.Run, func() { g.Reload(global, sites) }}
	}
	return gateways
}
