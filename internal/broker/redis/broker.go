// Package redisbroker is a [broker.Broker] that speaks to Redis: one connection that
// receives every channel, others that publish and read. It is the only one that knows
// Redis' commands, scripts and errors, and imports go-redis.
//
// go-redis' own reconnecting is refused (it loses messages without a word, and
// one giant SUBSCRIBE can make it fail for ever): a connection that fails is
// closed, and a new one subscribes to everything again, in chunks.
package redisbroker

import (
	"cmp"
	"context"
	"crypto/tls"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
	"go.uber.org/zap"

	"github.com/caddy-sse/caddy-sse/internal/broker"
	"github.com/caddy-sse/caddy-sse/internal/ratelog"
)

// answerTimeout is how long Redis may take over an answer, or to hand back the
// probe, before it counts as away.
const answerTimeout = 3 * time.Second

// A Broker is one Redis server: what is received from it, and what is published to it.
type Broker struct {
	server   *node    // that owns all; nil with a cluster
	cluster  *cluster // nil without one
	listener broker.Listener
	log      func() *zap.Logger
	denied   ratelog.Limiter

	messages atomic.Uint64
	backlog  backlog
	notifier notifier

	// Changed is told when Redis is there, and when it is away, and why. It is
	// set before Start, and must not block.
	Changed func(isUp bool, problem string)

	started      sync.Once
	neverStarted bool // but closed
	ctx          context.Context
	cancel       context.CancelFunc
	work         sync.WaitGroup // what stores the backlog
	ending       sync.Mutex     // while watches may grow
	watches      sync.WaitGroup // what else has been started, which waits at the client
}

// New makes a broker that dials nothing until [Broker.Start]. It asks for the logger
// each time, since a broker outlives the configuration that made it.
func New(s Settings, log func() *zap.Logger) *Broker {
	secrets := newSecrets(&s, log)
	var o redis.Options
	if s.url != nil {
		o = *s.url
	}
	o.Network, o.Addr, o.DB, o.DialTimeout = s.Network, s.Address, s.DB, cmp.Or(s.DialTimeout, answerTimeout)
	o.TLSConfig = nil // the dialer's matter
	o.CredentialsProviderContext = func(context.Context) (username, password string, err error) {
		read := secrets.last.Load() // for the connection that has just been made
		return read.Username, read.Password, nil
	}
	o.Protocol = 2 // cheaper to read than 3, and free of its push notifications
	o.DisableIdentity = true
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	o.MaxRetries = -1 // a PUBLISH tried again may be heard twice
	o.DialerRetries = 1
	o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = answerTimeout, answerTimeout, answerTimeout
	o.ContextTimeoutEnabled = true
	o.OnConnect = setName(s.ClientName)
	o.ClientName = ""

	ctx, cancel := context.WithCancel(context.Background())
	b := &Broker{log: log, ctx: ctx, cancel: cancel}
	dialer := newDialer(o.DialTimeout, func() *tls.Config { return secrets.now().TLS })
	if s.Cluster != nil {
		b.cluster = newCluster(b, s.Cluster)
		b.cluster.connectBy(&o, dialer, func() bool { return secrets.last.Load().TLS != nil })
	} else {
		b.server = newNode(b, &o, dialer)
	}
	if s.Sentinel != nil {
		n := b.server
		n.address.Store(&s.Sentinel.Master)
		n.finder = newFinder(b, n.conns, s.Sentinel, sentinelOptions(&o, secrets), masterCheck(&o, dialer))
		n.conns.where = n.finder.where
	}
	b.notifier.init(b, &s)
	return b
}

// Start connects, in the background and again and again, and tells l what is
// heard. A second call does nothing.
func (b *Broker) Start(l broker.Listener) {
	b.started.Do(func() {
		b.listener = l
		if b.cluster != nil {
			b.cluster.start()
		} else {
			b.server.start()
		}
		b.spawn(b.notifier.checkRegularly)
	})
}

// Close ends the connections, and returns when nothing more is heard, and what
// waited to be stored is stored or given up; see [Broker.Flush].
func (b *Broker) Close() {
	b.backlog.mu.Lock()
	b.ending.Lock()
	b.cancel() // nothing comes to the backlog from now on, and nothing is started
	b.ending.Unlock()
	b.backlog.mu.Unlock()
	b.started.Do(func() { b.neverStarted = true })
	if b.cluster != nil {
		if !b.neverStarted {
			<-b.cluster.ended
		}
		b.work.Wait()
	} else {
		b.server.end()
		b.work.Wait()
		b.server.close()
	}
	b.watches.Wait()
}

// Up reports whether Redis is there, as far as the broker has noticed.
func (b *Broker) Up() bool { return b.known() == up }

// Away reports whether Redis was looked for, and is not there.
func (b *Broker) Away() bool { return b.known() == away }

func (b *Broker) known() int32 {
	if b.cluster != nil {
		b.cluster.mu.Lock()
		defer b.cluster.mu.Unlock()
		return b.cluster.state
	}
	return b.server.state.Load()
}

// ownerOf is the server that owns the slot; nil if none is known.
func (b *Broker) ownerOf(slot uint16) *node {
	if b.cluster != nil {
		return b.cluster.owner(slot)
	}
	return b.server
}

// redirected reports whether the error of a cluster says where else, or when, to try.
func (b *Broker) redirected(err error) bool {
	if b.cluster == nil {
		return false
	}
	to, slot, addr := redirectionOf(err)
	if n := b.cluster.owner(slot); to == moved && n != nil {
		b.cluster.moved(slot, addressOf(addr, n.where()))
	}
	return to != settled
}

// servers are all that there are now.
func (b *Broker) servers() []*node {
	if b.cluster != nil {
		return b.cluster.masters()
	}
	return []*node{b.server}
}

// isReceiving reports whether a channel has been subscribed to since the connection was
// lost, or one of a cluster's.
func (b *Broker) isReceiving() bool {
	if b.cluster != nil {
		b.cluster.mu.Lock()
		defer b.cluster.mu.Unlock()
		return len(b.cluster.receiving) > 0
	}
	return b.server.isReceiving.Load()
}

// at does something at the server that owns the key; see [cluster.at].
func (b *Broker) at(ctx context.Context, key string, isHarmless bool, do func(context.Context, *node) error) error {
	if b.cluster != nil {
		return b.cluster.at(ctx, key, isHarmless, do)
	}
	return do(ctx, b.server)
}

// Listen wants the channel to be heard. It returns at once; the listener is
// told when it is, each time: somebody else may have wanted it before.
func (b *Broker) Listen(channel string) {
	if b.cluster != nil {
		b.cluster.listen(channel, b.notifier.keyOf(channel))
		return
	}
	b.server.subscriptions.add(channel)
}

// Forget takes one Listen back.
func (b *Broker) Forget(channel string) {
	if b.cluster != nil {
		b.cluster.forgetChannel(channel)
		return
	}
	b.server.subscriptions.remove(channel)
}

// spawn does it in the background, unless the broker is closed, which waits for it.
func (b *Broker) spawn(do func()) {
	b.ending.Lock()
	defer b.ending.Unlock()
	if b.ctx.Err() == nil {
		b.watches.Go(do)
	}
}

// received hands on what was published.
func (b *Broker) received(channel, payload string) {
	b.messages.Add(1)
	if !b.notifier.receive(channel, payload) {
		b.listener.Message(channel, payload)
	}
}

// subscribed tells the listener that the channel is received.
func (b *Broker) subscribed(channel string) {
	if !b.notifier.subscribed(channel) {
		b.listener.Subscribed(channel)
	}
}

// disconnected tells the listener that nothing is received from the server any more.
func (b *Broker) disconnected(n *node) {
	if b.cluster != nil {
		b.cluster.disconnected(n)
		return
	}
	b.notifier.probe.disconnected()
	b.listener.Disconnected()
}

func (b *Broker) changed(isUp bool) {
	if b.Changed != nil {
		b.Changed(isUp, b.Health().Problem)
	}
}
