// Package presence is who is in a channel, on all gateways together.
//
// Each gateway has the broker keep the members that it has, and a lease that it
// renews; see [broker.Members]. Nothing has to be renewed for each member.
//
// Coming and going are published to the channel as signals, in the same step: anyone
// who comes with the first of several subscribers, on any gateway, and anyone who
// leaves with the last.
package presence

import (
	"context"
	"crypto/rand"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-sse/caddy-sse/internal/broker"
	"github.com/caddy-sse/caddy-sse/internal/ratelog"
	"github.com/caddy-sse/caddy-sse/internal/wake"
)

// DefaultTTL is after how long those of a gateway that was killed have left,
// unless [Presence.SetTTL] says otherwise.
const DefaultTTL = 30 * time.Second

// A Broker is what a presence needs of one.
type Broker interface {
	broker.Members
	broker.Monitor
}

// A Presence is the members that one gateway has, and its knowledge of others.
type Presence struct {
	broker  Broker
	log     func() *zap.Logger
	gateway string // its name among the gateways
	ttl     atomic.Int64
	failed  ratelog.Limiter

	mu       sync.Mutex
	channels map[string]map[string]*session // by channel and member
	dirty    map[key]struct{}               // what Redis has not been told yet
	gone     leavers
	started  bool

	// isWatched reports whether somebody may be told who leaves.
	isWatched func() bool

	wake   wake.Signal // set while something has changed
	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup
}

// New makes a presence that does nothing until somebody comes.
func New(b Broker, log func() *zap.Logger) *Presence {
	p := &Presence{
		broker: b, log: log,
		gateway:  strings.ToLower(rand.Text()[:12]),
		channels: make(map[string]map[string]*session),
		dirty:    make(map[key]struct{}),
		wake:     wake.New(),

		isWatched: func() bool { return false },
	}
	p.ttl.Store(int64(DefaultTTL))
	p.ctx, p.cancel = context.WithCancel(context.Background())
	return p
}

// SetTTL sets after how long those of a gateway that was killed have left.
func (p *Presence) SetTTL(ttl time.Duration) {
	p.ttl.Store(int64(ttl))
	p.wake.Set() // it may be shorter than what is waited for
}

// Watch has the members of gateways that were killed leave, also while this one
// has none of its own, if isWatched reports that somebody may be told. It is
// called once, before anybody comes.
func (p *Presence) Watch(isWatched func() bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.isWatched = isWatched
	p.startLocked()
}

// startLocked starts telling Redis.
func (p *Presence) startLocked() {
	if !p.started {
		p.started = true
		p.work.Go(p.syncLoop)
	}
}

// lastLease is for how long the members of a gateway that ends stay, so that
// they can come to another one in the meantime.
const lastLease = 10 * time.Second

// Close ends it, until the context is done. What has changed is still told to
// Redis, if it is there. Members leave if no other gateway has them in 10
// seconds.
func (p *Presence) Close(ctx context.Context) {
	p.cancel()
	p.work.Wait()
	p.mu.Lock()
	wasStarted := p.started
	p.started = true // it does not start any more
	p.ctx = ctx
	p.mu.Unlock()
	if !wasStarted || p.broker.Away() {
		return
	}
	for ctx.Err() == nil {
		changes := p.takeBatch()
		if len(changes) == 0 || p.syncChanges(changes) != nil {
			break
		}
	}
	p.mu.Lock()
	isEmpty := len(p.channels) == 0
	p.mu.Unlock()
	if !isEmpty {
		_, _, _ = p.broker.Renew(context.WithoutCancel(ctx), p.gateway, min(lastLease, p.lease())) // or they stay a little longer
	}
}
