package torture

import (
	"regexp"
	"strings"
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// A gateway is what subscribers come to: at the same address after a crash.
type gateway struct {
	number            int
	addr, url, admin  string
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
	return start(t, server, func(int) (string, string) { return option, sites })
}

// start runs Caddy three times, with these further lines of the option and of what
// comes after it, and these sites.
func start(t *testing.T, server *redistest.Server, config func(gateway int) (option, sites string)) []gateway {
	t.Helper()
	gateways := make([]gateway, 3)
	for i := range gateways {
		where, block := single{server}.option()
		if i == 2 {
			link := redistest.StartProxy(t, server.Addr)
			link.Limit(linkRate)
			where = link.Addr
		}
		option, sites := config(i)
		gateways[i] = startGateway(t, i, where, block, option, sites)
	}
	return gateways
}

// startGatewaysAt runs so many in front of a place.
func startGatewaysAt(t *testing.T, p place, count int, option string) []gateway {
	t.Helper()
	gateways := make([]gateway, count)
	where, block := p.option()
	for i := range gateways {
		gateways[i] = startGateway(t, i, where, block, option, sites)
	}
	return gateways
}

func startGateway(t *testing.T, number int, where string, block []string, option, sites string) gateway {
	t.Helper()
	global := "\tsse {\n\t\tredis " + where + " {\n\t\t\t" + strings.Join(block, "\n\t\t\t") + "\n\t\t}\n\t\tdrain 0\n\t\tgap_spread 0\n" + option + "\t}"
	g := gatewaytest.Start(t, global, sites)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("gateway %d: %s", number, troubles(g.Log()))
		}
	})
	scheme, _, _ := strings.Cut(sites, ":")
	return gateway{number, g.Addr, scheme + "://" + g.Addr, g.Admin, g.Kill, g.Run, func() { g.Reload(global, sites) }}
}

// troubles are the first errors and warnings of a log.
func troubles(log string) string {
	lines := regexp.MustCompile(`(?m)^.*"level":"(?:error|warn)".*"logger":"sse".*\n`).FindAllString(log, 200)
	return strings.Join(lines, "")
}
