package sse

import (
	"sync"
	"sync/atomic"

	"github.com/caddyserver/caddy/v2"
	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"github.com/caddy-sse/caddy-sse/module/bus"
	"github.com/caddy-sse/caddy-sse/module/hub"
)

// gateways are shared by all sites of a configuration, and by a configuration
// and the one that takes its place, as long as their Redis settings are equal.
var gateways = caddy.NewUsagePool()

// A Gateway is one Redis server and everyone who listens to it.
type Gateway struct {
	*hub.Hub
	Bus *bus.Bus

	embedAt  string // empty: no embedded server
	log      atomic.Pointer[zap.Logger]
	start    sync.Mutex
	embedded *bus.Embedded
}

func newGateway(o *redis.Options, embedAt string) *Gateway {
	g := &Gateway{embedAt: embedAt}
	g.log.Store(zap.NewNop())
	g.Bus = bus.New(o, g.log.Load)
	g.Hub = hub.New(g.Bus)
	return g
}

// Start connects to Redis, or starts the embedded server. A configuration that
// takes over a running gateway gets its log, and nothing else happens.
func (g *Gateway) Start(log *zap.Logger) error {
	g.start.Lock()
	defer g.start.Unlock()
	g.log.Store(log)
	if g.embedAt != "" && g.embedded == nil {
		embedded, err := bus.StartEmbedded(g.embedAt)
		if err != nil {
			return err
		}
		g.embedded = embedded
		log.Warn("running an embedded redis, for trying things out: it forgets everything when Caddy ends, and no other gateway hears it",
			zap.String("address", g.embedAt))
	}
	g.Bus.Start(g.Hub)
	return nil
}

// Destruct ends all subscriptions and connections. It implements
// [caddy.Destructor].
func (g *Gateway) Destruct() error {
	g.Hub.Close()
	g.Bus.Close()
	if g.embedded != nil {
		g.embedded.Close()
	}
	return nil
}

var _ caddy.Destructor = (*Gateway)(nil)
