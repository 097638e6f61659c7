package health_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// A node of a cluster hands on what is published, but nothing that needs keys
// works there, and so it is not healthy.
func TestHealthAtANodeOfACluster(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--cluster-enabled", "yes", "--cluster-port", strings.Split(redistest.FreeAddr(t), ":")[1])
	g := gatewaytest.Start(t, gatewaytest.RedisOption(server), healthSite)
	for _, query := range []string{"", "?ready"} {
		redistest.Await(t, "the reason", func() bool {
			r, body := gatewaytest.Do(t, "GET", "http://"+g.Addr+"/health"+query, "")
			return r.StatusCode == http.StatusServiceUnavailable && strings.Contains(body, "redis is a node of a cluster")
		})
	}
	if r, body := gatewaytest.Do(t, "GET", "http://"+g.Addr+"/health?live", ""); r.StatusCode != http.StatusOK {
		t.Errorf("?live is %s: %s", r.Status, body)
	}
	if _, body := gatewaytest.Do(t, "GET", g.Admin+"/sse/", ""); !strings.Contains(body, "redis is a node of a cluster") {
		t.Errorf("the admin status is %s", body)
	}
}
