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

// What the gateways identify themselves by at Redis.
const (
	user     = "gateway"
	password = "secret"
)

// startRedis runs the Redis of all gateways, which know its password.
func startRedis(t *testing.T, args ...string) *redistest.Server {
	t.Helper()
	return redistest.Start(t, append(args, "--user", user, "on", "~*", "&*", "+@all", ">"+password)...)
}

const sites = `http://{$ADDR} {
	sse_subscribe /h/* {path.1} {
		history max 100000
	}
	sse_subscribe /new/* {path.1} {
		history last 50 max 100000
	}
	sse_subscribe /here/* {path.1} {
		history max 100000
		presence {query.member}
	}
	sse_presence /here/* {path.1}
	sse_subscribe /live/* {path.1}
	sse_subscribe /member/* {path.1} {
		presence {query.member}
	}
	sse_subscribe /brief/* {path.1} {
		linger 300ms
	}
}`

// linkRate is how many bytes a second come over the slow link: 100 Mbit/s.
const linkRate = 100_000_000 / 8

// startGateways runs Caddy three times, with these further lines of the option.
// The third is at the end of a slow link to Redis.
func startGateways(t *testing.T, server *redistest.Server, option string) []gateway {
	t.Helper()
	gateways := make([]gateway, 3)
	for i := range gateways {
		addr := server.Addr
		if i == 2 {
			link := redistest.StartProxy(t, addr)
			link.Limit(linkRate)
			addr = link.Addr
		}
		global := "\tsse {\n\t\tredis " + addr + " {\n\t\t\tusername " + user + "\n\t\t\tpassword " + password + "\n\t\t}\n\t\tdrain 0\n\t\tgap_spread 0\n" + option + "\t}"
		g := gatewaytest.Start(t, global, sites)
		gateways[i] = gateway{i, g.Addr, g.Admin, g.Kill, g.Run, func() { g.Reload(global, sites) }}
	}
	return gateways
}
