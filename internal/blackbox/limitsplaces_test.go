package blackbox_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// Directives with the same channels, all with limits: two sites with one snippet,
// and two blocks of one site.
const alikeSites = `(live) {
	sse_subscribe /live/* live:{path.1} {
		presence {path.1} {
			linger 0
		}
		limits {
			subscribers_per_ip 2
			subscribers_per_member 1
		}
	}
}
http://127.0.0.1:{$PORT} {
	import live
	#site
	handle /one/* {
		#handle
		sse_subscribe live:{path.1} {
			limits {
				subscribers 1
			}
		}
	}
	@two {
		path /two/*
		not method POST
	}
	handle @two {
		sse_subscribe live:{path.1} {
			limits {
				subscribers 1
			}
		}
	}
	#end
}
http://localhost:{$PORT} {
	import live
}`

// inserted are the same sites, between others that look alike.
var inserted = strings.NewReplacer(
	"http://127.0.0.1", "http://127.0.0.2:{$PORT} {\nimport live\n}\nhttp://127.0.0.1",
	"#site", "handle /zero/* {\nsse_subscribe live:{path.1} {\nlimits {\nsubscribers 1\n}\n}\n}",
	"#handle", "header X-New yes\nsse_subscribe /one/more live:{path.1} {\nlimits {\nsubscribers 1\n}\n}",
	"#end", "respond /more hello",
).Replace(alikeSites)

// Each directive counts its own subscribers, also after reloads, which cut nobody.
func TestLimitsAreEachDirectivesOwn(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	global := "sse {\nredis " + server.Addr + "\ndrain 0\nlinger 0\n}"
	const none = "http://127.0.0.1:{$PORT} {\nrespond hello\n}"
	g := gatewaytest.Start(t, global, alikeSites)
	_, port, _ := strings.Cut(g.Addr, ":")
	site, other := "http://127.0.0.1:"+port, "http://localhost:"+port
	open := func(url string) *gatewaytest.Stream {
		t.Helper()
		return gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), url)
	}

	all := []*gatewaytest.Stream{
		isIn(t, open(site+"/live/ann")), isIn(t, open(site+"/live/ben")),
		isIn(t, open(other+"/live/ann")), isIn(t, open(other+"/live/ben")),
		isIn(t, open(site+"/one/ann")), isIn(t, open(site+"/two/ann")),
	}
	areFull := func(when string) {
		t.Helper()
		t.Log(when)
		for _, url := range []string{site + "/live/eve", other + "/live/eve"} {
			isBusy(t, open(url), "subscribers_per_ip")
		}
		for _, url := range []string{site + "/one/eve", site + "/two/eve"} {
			isBusy(t, open(url), "subscribers")
		}
	}
	areFull("at first")
	g.Reload(global, alikeSites)
	areFull("after a reload with the same")
	g.Reload(global, inserted)
	areFull("after a reload with others between")
	for _, path := range []string{"/zero/ann", "/one/more"} {
		isIn(t, open(site+path)).Leave()
	}
	g.Reload(global, none)
	g.Reload(global, alikeSites)
	areFull("after a reload without them, and one with them again")

	server.Do("PUBLISH", "live:ann", "for all")
	for i, s := range all {
		if i != 1 && i != 3 {
			s.Await("data: for all")
		}
		s.Leave()
	}
	redistest.Await(t, "nobody", func() bool { return server.Channels("live:*") == 0 })
	for _, url := range []string{site + "/live/eve", other + "/live/eve", site + "/one/eve", site + "/two/eve"} {
		if s := isIn(t, open(url)); s.StatusCode != http.StatusOK {
			t.Error(s.Status)
		}
	}
}
