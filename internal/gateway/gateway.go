// Package gateway is one Redis server and everyone who subscribes to what it says:
// it puts the engine together, outlives the configurations that hold it, and is the
// life of a subscription ([Gateway.Open]).
package gateway

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/caddy-sse/caddy-sse/internal/broker"
	"github.com/caddy-sse/caddy-sse/internal/broker/embedded"
	redisbroker "github.com/caddy-sse/caddy-sse/internal/broker/redis"
	"github.com/caddy-sse/caddy-sse/internal/feed"
	"github.com/caddy-sse/caddy-sse/internal/hub"
	"github.com/caddy-sse/caddy-sse/internal/limits"
	"github.com/caddy-sse/caddy-sse/internal/presence"
	"github.com/caddy-sse/caddy-sse/internal/protocol"
	"github.com/caddy-sse/caddy-sse/internal/relay"
	"github.com/caddy-sse/caddy-sse/internal/transport"
)

// A Gateway is one Redis server and everyone who listens to it.
//
// It outlives the configurations that hold it, and so do its subscribers.
type Gateway struct {
	*hub.Hub
	Broker   broker.Broker
	Feed     *feed.Feed
	Presence *presence.Presence
	Relay    *relay.Runs
	Poller   *transport.Poller

	id      int64  // in the order of their beginning
	embedAt string // empty: no embedded server
	events  events
	notUTF8 notUTF8
	written atomic.Uint64 // bytes, to subscribers

	subscribers atomic.Int64 // that are open

	// Everyone counts all subscribers, Directives those of the directives that have
	// limits of their own.
	Everyone     limits.Counter
	Directives   limits.Counters
	PublishRates limits.Rates

	bans    bans
	summary connectionSummary

	ctx      context.Context // until it ends
	cancel   context.CancelFunc
	work     sync.WaitGroup
	log      atomic.Pointer[zap.Logger]
	drain    atomic.Int64 // a time.Duration
	start    sync.Mutex
	embedded *embedded.Server
}

var nextID atomic.Int64 // gateways

// A Config is what a gateway is made of.
type Config struct {
	// Redis says where Redis is.
	Redis redisbroker.Settings
	// EmbedAt is where an embedded server listens; empty: there is none.
	EmbedAt string
}

func newGateway(c Config) (*Gateway, error) {
	poller, err := transport.NewPoller()
	if err != nil {
		return nil, err
	}
	g := &Gateway{id: nextID.Add(1), embedAt: c.EmbedAt, Poller: poller}
	g.log.Store(zap.NewNop())
	g.ctx, g.cancel = context.WithCancel(context.Background())
	g.events.init()
	g.work.Go(func() { g.events.run(g.ctx) })
	g.work.Go(func() { g.logSummary(g.ctx) })
	server := redisbroker.New(c.Redis, g.log.Load)
	server.Changed = g.redisChanged
	g.Broker = server
	g.Feed = feed.New(server, g.log.Load)
	g.Presence = presence.New(server, g.log.Load)
	g.Relay = relay.New(server, g.log.Load)
	g.Relay.Ended = func(reason protocol.EndReason) { CountRelay(RelayResult(reason)) }
	g.Feed.Stopped = g.Relay.Stopped
	g.Hub = hub.New(g.Feed, runtime.GOMAXPROCS(0))
	g.Delivered = delivered.observe
	g.notUTF8.init()
	g.NotUTF8 = g.notUTF8.report
	g.work.Go(func() { g.notUTF8.log(g.ctx, g.log.Load) })
	g.Presence.Watch(func() bool { return g.subscribers.Load() > 0 })
	g.begin()
	return g, nil
}

// Log is the log of the newest configuration.
func (g *Gateway) Log() *zap.Logger { return g.log.Load() }

// Settings are those of a gateway that the newest configuration decides.
type Settings struct {
	// Drain is over how long subscribers are closed when the gateway ends.
	Drain time.Duration
	// GapSpread is over how long those whom a fault has hit get their gap; see
	// [hub.Hub.SpreadGaps].
	GapSpread time.Duration
	// Memory is how many bytes channels may remember; see [hub.Hub.LimitMemory].
	Memory int
	// PresenceTTL is after how long the members of a gateway that was killed have
	// left.
	PresenceTTL time.Duration
	// Events is where it tells what happens; nil: nowhere.
	Events *Emitter
}

// Start connects to Redis, or starts the embedded server. A configuration that
// takes over a running gateway gets its log, and changes its settings; nothing
// else happens.
func (g *Gateway) Start(log *zap.Logger, s Settings) error {
	g.start.Lock()
	defer g.start.Unlock()
	g.log.Store(log)
	g.events.to.Store(s.Events)
	g.drain.Store(int64(s.Drain))
	g.LimitMemory(s.Memory)
	g.SpreadGaps(s.GapSpread)
	g.Presence.SetTTL(s.PresenceTTL)
	if g.embedAt != "" && g.embedded == nil {
		server, err := embedded.Start(g.embedAt)
		if err != nil {
			return err
		}
		g.embedded = server
		log.Warn("running an embedded redis, for trying things out: it forgets everything when Caddy ends, and no other gateway receives what is published there",
			zap.String("address", g.embedAt))
	}
	g.Feed.Start(g.Hub)
	return nil
}

func (g *Gateway) redisChanged(isUp bool, problem string) {
	g.SetAway(!isUp)
	if isUp {
		g.events.emit(EventRedisUp, func() map[string]any { return map[string]any{} })
		return
	}
	g.events.emit(EventRedisDown, func() map[string]any { return map[string]any{"problem": problem} })
}

// Drain closes all subscribers, spread over the time that the configuration
// gives, and returns when they have left. Runs go on for that time at most, and those that
// are not over then end as lost. A second call waits for the first.
func (g *Gateway) Drain() {
	drain := time.Duration(g.drain.Load())
	var runs sync.WaitGroup
	runs.Go(func() { g.Relay.Drain(drain) })
	g.Hub.Close(context.Background(), drain)
	runs.Wait()
}

// Written counts the bytes that were written to subscribers.
func (g *Gateway) Written() *atomic.Uint64 { return &g.written }

// closeTimeout bounds what is still done at Redis when a gateway ends.
const closeTimeout = 3 * time.Second

// Close ends the gateway: subscribers are drained, what is queued is stored, and
// Redis learns who leaves, until the context is done. Then all that the gateway
// has started has ended.
func (g *Gateway) Close(ctx context.Context) {
	g.Drain()
	ctx, cancel := context.WithTimeout(ctx, closeTimeout)
	defer cancel()
	g.Presence.Close(ctx)
	g.Broker.Flush(ctx)
	g.Relay.Close()
	g.Feed.Close()
	if g.embedded != nil {
		g.embedded.Close()
	}
	g.Poller.Close()
	g.cancel()
	g.work.Wait()
	g.keepTotal()
}

// closing are gateways that end.
var closing sync.WaitGroup

// Destruct ends the gateway, which no configuration holds any more, in the
// background: a reload does not wait for those who are sent away. It implements
// [caddy.Destructor].
func (g *Gateway) Destruct() error {
	closing.Go(func() { g.Close(context.Background()) })
	return nil
}

// AwaitClosing waits until all gateways have ended that are to, for a little longer
// than that takes at most.
func AwaitClosing() {
	done := make(chan struct{})
	go func() {
		defer close(done)
		closing.Wait()
	}()
	select {
	case <-done:
	case <-time.After(closeTimeout + 2*time.Second):
	}
}

var _ caddy.Destructor = (*Gateway)(nil)
