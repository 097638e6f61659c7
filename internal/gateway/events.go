package gateway

import (
	"context"
	"sync/atomic"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyevents"
)

// The events that Caddy's event system is handed, for `events { on … }`.
const (
	// EventRedisDown has data: problem.
	EventRedisDown = "sse.redis_down"
	EventRedisUp   = "sse.redis_up"
	// EventSubscriberClosed has data: reason, channels, member, remote_ip, and
	// duration in seconds.
	EventSubscriberClosed = "sse.subscriber_closed"
)

// maxEvents is how many events wait for handlers that are slow; what is more is
// not told.
const maxEvents = 1000

// events tells Caddy's event system what happens, without ever waiting for it.
type events struct {
	to    atomic.Pointer[Emitter]
	queue chan event
}

// An Emitter is the event system of the newest configuration.
type Emitter struct {
	ctx caddy.Context
	app *caddyevents.App
}

// NewEmitter is the event system, as the app of that context sees it.
func NewEmitter(ctx caddy.Context, app *caddyevents.App) *Emitter { return &Emitter{ctx, app} }

// An event is what one event system is to be told.
type event struct {
	to   *Emitter
	name string
	data map[string]any
}

func (e *events) init() { e.queue = make(chan event, maxEvents) }

// run hands the events over.
func (e *events) run(ctx context.Context) {
	for {
		select {
		case queued := <-e.queue:
			queued.to.app.Emit(queued.to.ctx, queued.name, queued.data)
		case <-ctx.Done():
			return
		}
	}
}

// emit tells it, if anybody listens: only then is the data asked for.
func (e *events) emit(name string, data func() map[string]any) {
	to := e.to.Load()
	if to == nil || !to.app.ShouldEmit(name) {
		return
	}
	select {
	case e.queue <- event{to, name, data()}:
	default:
	}
}
