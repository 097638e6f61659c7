package blackbox_test

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

func TestThousandSubscribersOfOneChannel(t *testing.T) {
	const n = 1000
	g, server := gatewaytest.StartWithRedis(t, `http://{$ADDR} {
	sse_subscribe /events chat:1
}`)
	client := gatewaytest.HTTP1(t)
	streams := make([]*gatewaytest.Stream, n)
	var all sync.WaitGroup
	for i := range streams {
		all.Go(func() { streams[i] = gatewaytest.Subscribe(t, client, "http://"+g.Addr+"/events") })
	}
	all.Wait()
	if listeners := server.Listeners("chat:1"); listeners != 1 {
		t.Errorf("%d connections listen to Redis", listeners)
	}
	var want strings.Builder
	for i := range 20 {
		server.Do("PUBLISH", "chat:1", i)
		fmt.Fprintf(&want, "data: %d\n\n", i)
	}
	for _, s := range streams {
		s.AwaitData(want.String())
	}
	for _, s := range streams {
		all.Go(s.Leave)
	}
	all.Wait()
	redistest.Await(t, "the end of the subscription", func() bool { return server.Listeners("chat:1") == 0 })
}

func TestChurnLeavesNothing(t *testing.T) {
	g, server := gatewaytest.StartWithRedis(t, `http://{$ADDR} {
	metrics
	sse_subscribe /events/* shared chat:{path.1}
}`)
	client := gatewaytest.HTTP1(t)
	churn := func(n int) {
		var all sync.WaitGroup
		for worker := range 10 {
			all.Go(func() {
				for i := range n / 10 {
					s := gatewaytest.Subscribe(t, client, fmt.Sprintf("http://%s/events/%d", g.Addr, (worker+i)%25))
					s.Await("retry: ")
					s.Leave()
				}
			})
		}
		all.Wait()
		redistest.Await(t, "no channels", func() bool { return server.Channels("shared") == 0 && server.Channels("chat:*") == 0 })
	}
	churn(50)
	before := goroutines(t, g)
	churn(1000)
	redistest.Await(t, "no more goroutines than before", func() bool { return goroutines(t, g) <= before+5 })
}

var goroutineGauge = regexp.MustCompile(`(?m)^go_goroutines (\d+)$`)

// goroutines is how many the gateway runs, once its connections are closed.
func goroutines(t *testing.T, g *gatewaytest.Gateway) int {
	t.Helper()
	_, body := gatewaytest.Do(t, "GET", g.Admin+"/metrics", "")
	n, err := strconv.Atoi(goroutineGauge.FindStringSubmatch(body)[1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}
