package gatewaytest

import (
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// StartWithRedis runs Caddy in front of a Redis server of its own, in parallel with
// other tests. See [RedisOption] for its global options.
func StartWithRedis(t *testing.T, sites string) (*Gateway, *redistest.Server) {
	t.Helper()
	t.Parallel()
	server := redistest.Start(t)
	return Start(t, RedisOption(server), sites), server
}

// RedisOption is the global option for a gateway of that Redis server, which waits for
// nothing: subscribers are closed at once when it ends, channels end with their last
// subscriber, and gaps are told without delay.
func RedisOption(server *redistest.Server) string {
	return "\tsse {\n\t\tredis " + server.Addr + "\n\t\tdrain 0\n\t\tlinger 0\n\t\tgap_spread 0\n\t}"
}
