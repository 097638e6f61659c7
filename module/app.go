// Package sse is the sse app: the Redis connection, the subscribers, and the
// defaults that the HTTP handlers of package handlers share.
package sse

import (
	"cmp"
	"fmt"
	"net/netip"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyevents"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/caddy-sse/caddy-sse/internal/bounds"
	"github.com/caddy-sse/caddy-sse/internal/gateway"
	"github.com/caddy-sse/caddy-sse/internal/hub"
	"github.com/caddy-sse/caddy-sse/internal/limits"
	"github.com/caddy-sse/caddy-sse/internal/metrics"
	"github.com/caddy-sse/caddy-sse/internal/presence"
)

// Defaults of the app's settings.
const (
	DefaultHeartbeat    = 25 * time.Second
	DefaultRetry        = 3 * time.Second
	DefaultPending      = 1 << 20
	DefaultWriteTimeout = 10 * time.Second
	DefaultDrain        = 5 * time.Second
	DefaultRecent       = 100
	DefaultRecentSize   = 1 << 20
	DefaultLinger       = time.Minute
	DefaultMemory       = hub.DefaultMemory
	DefaultGapSpread    = hub.DefaultGapSpread
)

// The smallest sizes that can be configured: below, next to nothing gets through.
const (
	MinPending = 4 << 10
	minMemory  = 64 << 10
)

func init() {
	caddy.RegisterModule(&App{})
}

// App is what all `sse_*` handlers share: the connection to Redis, and the
// subscribers. Without it in the configuration, Redis is at `localhost:6379`.
type App struct {
	// Where Redis is. Default: `localhost:6379`.
	Redis *Redis `json:"redis,omitempty"`

	// After how long a silence a subscriber is sent a comment, which keeps
	// proxies from closing the connection and shows whether the client is
	// there. Default: 25s, below the 30s after which QUIC gives up a silent
	// connection. From 100ms to 24h. Negative: never.
	Heartbeat caddy.Duration `json:"heartbeat,omitempty"`

	// What a heartbeat is: `comment`, which no page sees, or `event`: an event
	// `sse.heartbeat` without an ID, with the time in milliseconds since 1970 as its data,
	// by which a page tells a stream that is dead from one that is quiet. Default: comment.
	HeartbeatAs string `json:"heartbeat_as,omitempty"`

	// How long a browser waits before it reconnects. Each subscriber is told a
	// time of its own, up to half more or less, so that a crowd does not come
	// back at once. Default: 3s. From 100ms to 24h.
	Retry caddy.Duration `json:"retry,omitempty"`

	// How many bytes may wait for one subscriber. One for whom more would have
	// to is closed: it comes back, and delays nobody meanwhile. Default: 1 MiB. From
	// 4 KiB to 1 TiB.
	Pending int64 `json:"pending,omitempty"`

	// A subscriber that takes nothing for so long, while something waits for
	// it, is closed. Default: 10s. From 100ms to 24h.
	WriteTimeout caddy.Duration `json:"write_timeout,omitempty"`

	// Over how long subscribers are sent away, each with a reconnection time of
	// its own, when Caddy ends or a reload gives it another Redis, so that they
	// come to other gateways as a trickle. Default: 5s. From 100ms to 24h. Negative:
	// at once.
	Drain caddy.Duration `json:"drain,omitempty"`

	// What each channel remembers for those who come back. Default: the newest
	// 100 events, 1 MiB.
	Recent *Recent `json:"recent,omitempty"`

	// For how long a channel goes on, and remembers, after its last subscriber
	// has left: a page that is reloaded misses nothing. Default: 1m. From 100ms to
	// 365 days. Negative: not at all.
	Linger caddy.Duration `json:"linger,omitempty"`

	// How many bytes all channels together remember; past it, the oldest event
	// of all is forgotten. What was received and waits to be handed to subscribers
	// counts, too: where that is more than a quarter, shared out among the cores,
	// those who miss something get an `sse.gap` of reason `overflow`. Default: 128
	// MiB. From 64 KiB to 1 TiB.
	Memory int64 `json:"memory,omitempty"`

	// Over how long subscribers whom a fault of Redis has hit are told so, each at
	// a moment of its own, since each page then loads again what it shows. One is
	// told of all its channels at once, and until then gets events without IDs.
	// Default: 3s. From 100ms to 24h. Negative: at once.
	GapSpread caddy.Duration `json:"gap_spread,omitempty"`

	// After how long the members of a gateway that was killed have left; see
	// `presence` of sse_subscribe. Default: 30s. From 1s to 24h.
	PresenceTTL caddy.Duration `json:"presence_ttl,omitempty"`

	// Limits of all subscribers together. Default: what the process can hold.
	Limits *Limits `json:"limits,omitempty"`

	// Metrics of single channels. Default: none.
	Metrics *Metrics `json:"metrics,omitempty"`

	ctx     caddy.Context
	gateway *gateway.Gateway
	key     string // of the gateway in the pool; empty while none is held
	log     *zap.Logger
	events  *gateway.Emitter

	gracePeriod time.Duration

	capacity    limits.Limits
	maxChannels int
	directives  map[string]int // that have limits, by their places
	release     []func()       // of their counters
}

// CaddyModule returns the Caddy module information.
func (*App) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "sse",
		New: func() caddy.Module { return new(App) },
	}
}

// Provision takes the gateway of these Redis settings. It dials nothing, since
// it also runs for `caddy validate`.
func (a *App) Provision(ctx caddy.Context) error {
	a.ctx, a.log = ctx, ctx.Logger()
	if a.Metrics == nil {
		a.Metrics = new(Metrics)
	}
	if err := metrics.Register(ctx.GetMetricsRegistry(), a.Metrics.perChannel()); err != nil {
		return err
	}
	if a.Redis == nil {
		a.Redis = new(Redis)
	}
	if a.Heartbeat == 0 {
		a.Heartbeat = caddy.Duration(DefaultHeartbeat)
	}
	if a.Retry == 0 {
		a.Retry = caddy.Duration(DefaultRetry)
	}
	if a.Pending == 0 {
		a.Pending = DefaultPending
	}
	if a.WriteTimeout == 0 {
		a.WriteTimeout = caddy.Duration(DefaultWriteTimeout)
	}
	if a.Drain == 0 {
		a.Drain = caddy.Duration(DefaultDrain)
	}
	if a.Recent == nil {
		a.Recent = &Recent{Events: DefaultRecent}
	}
	if a.Linger == 0 {
		a.Linger = caddy.Duration(DefaultLinger)
	}
	if a.Memory == 0 {
		a.Memory = DefaultMemory
	}
	if a.GapSpread == 0 {
		a.GapSpread = caddy.Duration(DefaultGapSpread)
	}
	if a.PresenceTTL == 0 {
		a.PresenceTTL = caddy.Duration(presence.DefaultTTL)
	}
	if a.Limits == nil {
		a.Limits = new(Limits)
	}
	a.capacity, a.maxChannels = a.Limits.capacity(), a.Limits.maxChannels()
	app, err := ctx.App("events")
	if err != nil {
		return err
	}
	events := app.(*caddyevents.App)
	a.events = gateway.NewEmitter(ctx, events)
	if err := a.logServed(ctx, events); err != nil {
		return err
	}
	settings, err := a.Redis.settings(caddy.NewReplacer())
	if err != nil {
		return err
	}
	embedAt := ""
	if a.Redis.Embedded != "" {
		embedAt = settings.Address
	}
	key := a.Redis.fingerprint(settings)
	a.gateway, err = gateway.Acquire(key, gateway.Config{Redis: settings, EmbedAt: embedAt})
	if err != nil {
		return err
	}
	a.key = key
	return nil
}

// Validate checks the settings.
func (a *App) Validate() error {
	return cmp.Or(a.check(), a.Limits.Validate(true), a.Metrics.validate(), a.Recent.Validate(), a.Redis.validate())
}

// check checks what is the app's alone, as far as it is set.
func (a *App) check() error {
	return cmp.Or(
		CheckHeartbeat(a.Heartbeat, a.HeartbeatAs),
		bounds.Duration("retry", a.Retry, bounds.Shortest, bounds.Longest),
		bounds.Size("pending", a.Pending, MinPending, bounds.Largest),
		bounds.Duration("write_timeout", a.WriteTimeout, bounds.Shortest, bounds.Longest),
		bounds.DurationOrOff("drain", a.Drain, bounds.Shortest, bounds.Longest),
		bounds.DurationOrOff("linger", a.Linger, bounds.Shortest, bounds.Forever),
		bounds.Size("memory", a.Memory, minMemory, bounds.Largest),
		bounds.DurationOrOff("gap_spread", a.GapSpread, bounds.Shortest, bounds.Longest),
		bounds.Duration("presence_ttl", a.PresenceTTL, time.Second, bounds.Longest),
	)
}

// Start connects to Redis in the background: Caddy starts without it, too.
func (a *App) Start() error {
	a.logCapacity()
	// Caddy provisions an app in the middle of another's, so that this waits until
	// all are there. There are no sites without it.
	if app, err := a.ctx.AppIfConfigured("http"); err == nil {
		http := app.(*caddyhttp.App)
		a.gracePeriod = time.Duration(http.GracePeriod)
		a.warnOfSites(http)
	}
	return a.gateway.Start(a.log, gateway.Settings{
		Drain:       max(0, time.Duration(a.Drain)),
		GapSpread:   max(0, time.Duration(a.GapSpread)),
		Memory:      int(a.Memory),
		PresenceTTL: time.Duration(a.PresenceTTL),
		Events:      a.events,
	})
}

// Stop begins to send all subscribers away when Caddy ends; Cleanup, when the
// other apps have stopped, waits for them. Otherwise it does nothing: the next
// configuration may go on with the gateway.
func (a *App) Stop() error {
	if caddy.Exiting() {
		go a.gateway.Drain()
	}
	return nil
}

// Cleanup lets go of the gateway, which ends with the last configuration that
// holds it. When Caddy ends it waits for that, for some seconds at most.
func (a *App) Cleanup() error {
	for _, release := range a.release {
		release()
	}
	a.release = nil
	if a.key == "" {
		return nil
	}
	if caddy.Exiting() {
		a.gateway.Drain()
	}
	key := a.key
	a.key = ""
	err := gateway.Release(key)
	if caddy.Exiting() {
		gateway.AwaitClosing()
	}
	return err
}

// GracePeriod is that of Caddy's HTTP servers, once the app has started; zero if they
// have none.
func (a *App) GracePeriod() time.Duration { return a.gracePeriod }

// Gateway is the app's gateway, once it is provisioned.
func (a *App) Gateway() *gateway.Gateway { return a.gateway }

// MaxChannels is how many channels there may be.
func (a *App) MaxChannels() int { return a.maxChannels }

// Scopes are where subscribers of a directive are counted: all together, and, if
// it has limits of its own, those of the directive. A reload, which may have given
// it others, finds those who are there by its place: a text that is the same as
// long as the directive is the same; if several have it, by their order, too. It
// returns the limits, with the app's where they are not set.
func (a *App) Scopes(own *Limits, place string) (*Limits, []limits.Scope) {
	scopes := []limits.Scope{{Counter: &a.gateway.Everyone, Limits: a.capacity}}
	if own != nil {
		if a.directives == nil {
			a.directives = make(map[string]int)
		}
		a.directives[place]++
		counter, release := a.gateway.Directives.Hold(fmt.Sprint(a.directives[place], " ", place))
		a.release = append(a.release, release)
		scopes = append(scopes, limits.Scope{Counter: counter, Limits: own.ofScope()})
	}
	return own.over(a.Limits), scopes
}

// IsFull reports whether no more subscribers are admitted.
func (a *App) IsFull() bool {
	return limits.Scope{Counter: &a.gateway.Everyone, Limits: a.capacity}.IsFull()
}

// MayPublish reports whether a client may publish once more now.
func (a *App) MayPublish(client netip.Addr) bool {
	return a.gateway.PublishRates.Allow(limits.Network(client), a.Limits.PublishRate)
}

// Interface guards
var (
	_ caddy.App          = (*App)(nil)
	_ caddy.Provisioner  = (*App)(nil)
	_ caddy.Validator    = (*App)(nil)
	_ caddy.CleanerUpper = (*App)(nil)
)
