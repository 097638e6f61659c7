package faults

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/netnstest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

const (
	user     = "gateway"
	password = "secret"
)

// A scene is a Redis, a gateway at the end of a network of its own, and a page for
// each kind of channel, to which something is said all the time, by a writer that
// has a better way to Redis.
type scene struct {
	t         *testing.T
	redis     *redistest.Server
	namespace *netnstest.Namespace
	gateway   *gatewaytest.Gateway
	live      *page
	history   *page
	writer    *writer
	health    *health
}

func newScene(t *testing.T) *scene {
	t.Helper()
	s := &scene{t: t, namespace: netnstest.New(t)}
	s.redis = redistest.Start(t, "--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction",
		"--user", user, "on", "~*", "&*", "+@all", ">"+password)
	l, err := s.namespace.Listen()
	if err != nil {
		t.Fatal(err)
	}
	way := redistest.StartProxyOn(t, l, s.redis.Addr)
	s.gateway = gatewaytest.StartForMany(t, "sse {\nredis "+way.Addr+" {\nusername "+user+"\npassword "+password+"\n}\ndrain 0\n}", `http://{$ADDR} {
	sse_subscribe /live live
	sse_subscribe /history history {
		history
	}
	sse_health /health
}`)
	url := "http://" + s.gateway.Addr
	s.live, s.history = openPage(t, url+"/live"), openPage(t, url+"/history")
	s.health = watchHealth(t, url+"/health")
	s.writer = startWriter(t, s.redis)
	redistest.Await(t, "the first events", func() bool {
		return s.live.hasHeard(time.Time{}) && s.history.hasHeard(time.Time{})
	})
	return s
}

// health asks for the gateway's health all the time.
type health struct {
	mu   sync.Mutex
	seen []seen
}

// seen is what was answered, when it was asked.
type seen struct {
	at   time.Time
	isOK bool
}

func watchHealth(t *testing.T, url string) *health {
	h := new(health)
	every(t, func() {
		asked := time.Now()
		r, err := http.Get(url) //nolint:noctx // the gateway is there
		if err != nil {
			return
		}
		r.Body.Close()
		h.mu.Lock()
		defer h.mu.Unlock()
		h.seen = append(h.seen, seen{asked, r.StatusCode == http.StatusOK})
	})
	return h
}

// first is when the health was first so, of those times.
func (h *health) first(isOK bool, from, to time.Time) (at time.Time, found bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range h.seen {
		if s.isOK == isOK && !s.at.Before(from) && s.at.Before(to) {
			return s.at, true
		}
	}
	return at, false
}

// tick is how often things are said and asked.
const tick = 20 * time.Millisecond

// every does something each tick until the test ends.
func every(t *testing.T, do func()) {
	stop := make(chan struct{})
	var work sync.WaitGroup
	work.Go(func() {
		ticker := time.NewTicker(tick)
		defer ticker.Stop()
		for {
			select {
			case <-stop:
				return
			case <-ticker.C:
				do()
			}
		}
	})
	t.Cleanup(func() {
		close(stop)
		work.Wait()
	})
}
