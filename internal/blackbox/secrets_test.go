package blackbox_test

import (
	"strings"
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// Nothing secret is in the log, at any level: what the configuration, a URL, a
// cookie or a payload holds.
func TestNoSecretIsLogged(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--requirepass", "secret-of-redis")
	g := gatewaytest.Start(t, "\tdebug\n\tsse {\n\t\tredis "+server.URL(":secret-of-redis")+"\n\t\tdrain 0\n\t\tlinger 0\n\t}", `http://{$ADDR} {
	sse_subscribe /live c {
		presence ann `+"`"+`{"token":"{query.token}"}`+"`"+` {
			linger 0
		}
		greeting hello {query.token}
	}
	sse_subscribe /kept c {
		history
	}
	sse_publish /say c
	sse_publish /store c {
		store
	}
	sse_publish /json c {
		format json
	}
	sse_presence /who c
	sse_history /past c
	sse_health /health
}`)
	token := "?token=secret-token"
	live := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), "http://"+g.Addr+"/live"+token, "Cookie: session=secret-cookie")
	kept := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), "http://"+g.Addr+"/kept"+token+"&lastEventId=secret-id")
	live.Await("secret-token")
	gatewaytest.Do(t, "POST", "http://"+g.Addr+"/say"+token, "secret-payload")
	live.Await("secret-payload")
	gatewaytest.Do(t, "POST", "http://"+g.Addr+"/store"+token, "secret-entry")
	kept.Await("secret-entry")
	for _, path := range []string{"/who", "/past", "/health"} {
		if r, body := gatewaytest.Do(t, "GET", "http://"+g.Addr+path+token, ""); r.StatusCode != 200 {
			t.Error(path, r.Status, body)
		}
	}
	// Everything fails, too.
	server.Restart()
	redistest.Await(t, "the connection to be lost", func() bool { return strings.Contains(g.Log(), "redis is away") })
	live.Leave()
	kept.Leave()
	redistest.Await(t, "both to leave", func() bool { return strings.Count(g.Log(), "subscriber left") == 2 })
	g.Stop()
	for _, secret := range []string{"secret-of-redis", "secret-token", "secret-cookie", "secret-id", "secret-payload", "secret-entry"} {
		if at := strings.Index(g.Log(), secret); at >= 0 {
			t.Errorf("the log has %s: …%s…", secret, g.Log()[max(0, at-300):at+50])
		}
	}
}
