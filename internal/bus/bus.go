// Package bus is the way to Redis and back: one connection that hears every
// channel, others that publish. It knows no client of ours.
//
// go-redis' own reconnecting is refused (it loses messages without a word, and
// one giant SUBSCRIBE can make it fail for ever): a connection that fails is
// closed, and a new one subscribes to everything again, in chunks.
package bus

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
	"go.uber.org/zap"

	"github.com/caddy-sse/caddy-sse/internal/ratelog"
)

// answerTimeout is how long Redis may take over an answer, or to hand back the
// probe, before it counts as away.
const answerTimeout = 3 * time.Second

// A Listener is told what the bus hears. It must not block, since everything
// else that Redis says waits behind it.
type Listener interface {
	// Subscribed says that what is published to the channel from now on will be
	// heard; what was said before, since Disconnected or since Listen, was not.
	Subscribed(channel string)
	// Message is one published payload.
	Message(channel, payload string)
	// Disconnected says that the connection is lost, and with it every channel.
	Disconnected()
}

// A Bus is one Redis server: what is heard from it, and what is said to it.
type Bus struct {
	client   *redis.Client
	conns    *connections
	demoted  chan struct{} // holds a token when Redis has refused to write, as a replica does
	replica  atomic.Bool   // the last reader ended at a replica
	address  string
	listener Listener
	log      func() *zap.Logger
	denied   ratelog.Limiter

	subscriptions *subscriptionSet
	state         atomic.Int32
	health        health
	messages      atomic.Uint64
	backlog       backlog

	// Changed is told when Redis is there, and when it is away, and why. It is
	// set before Start, and must not block.
	Changed func(isUp bool, problem string)

	started sync.Once
	ctx     context.Context
	cancel  context.CancelFunc
	ended   chan struct{}
	work    sync.WaitGroup // what else has been started
}

// New makes a bus that dials nothing until [Bus.Start]. Of the options it uses
// the address, the credentials or their provider, the database, the client name,
// the dial timeout, and the dialer or the TLS configuration; the rest it sets
// itself. It asks for the logger each time, since a bus outlives the configuration
// that made it.
func New(options *redis.Options, log func() *zap.Logger) *Bus {
	o := *options
	o.Protocol = 2 // cheaper to read than 3, and free of its push notifications
	o.DisableIdentity = true
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	o.MaxRetries = -1 // a PUBLISH tried again may be heard twice
	o.DialerRetries = 1
	o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = answerTimeout, answerTimeout, answerTimeout
	o.ContextTimeoutEnabled = true
	conns := &connections{dial: dialer(&o)}
	conns.idleLimit.Store(int64(idleLimit))
	o.Dialer = failAtUse(refuseRedial(conns.open))
	o.OnConnect = setName(o.ClientName)
	o.ClientName = ""

	ctx, cancel := context.WithCancel(context.Background())
	b := &Bus{
		client:        redis.NewClient(&o),
		conns:         conns,
		demoted:       make(chan struct{}, 1),
		address:       o.Addr,
		log:           log,
		subscriptions: newSubscriptionSet(),
		ctx:           ctx,
		cancel:        cancel,
		ended:         make(chan struct{}),
	}
	b.client.AddHook(observer{b})
	return b
}

// Start connects, in the background and again and again, and tells l what is
// heard. A second call does nothing.
func (b *Bus) Start(l Listener) {
	b.started.Do(func() {
		b.listener = l
		go b.run()
	})
}

// Close ends the connections, and returns when nothing more is heard, and what
// waited to be stored is stored or given up; see [Bus.Flush].
func (b *Bus) Close() {
	b.backlog.mu.Lock()
	b.cancel() // nothing comes to the backlog from now on
	b.backlog.mu.Unlock()
	b.started.Do(func() { close(b.ended) }) // it was never started
	<-b.ended
	b.work.Wait()
	_ = b.client.Close() // it only says that it was closed before
}

// What is known of Redis.
const (
	connecting int32 = iota // nothing yet
	up
	away
)

// Up reports whether Redis is there, as far as the bus has noticed.
func (b *Bus) Up() bool { return b.state.Load() == up }

// Away reports whether Redis was looked for, and is not there.
func (b *Bus) Away() bool { return b.state.Load() == away }

// Listen wants the channel to be heard. It returns at once; the listener is
// told when it is, each time: somebody else may have wanted it before.
func (b *Bus) Listen(channel string) { b.subscriptions.add(channel) }

// Forget takes one Listen back.
func (b *Bus) Forget(channel string) { b.subscriptions.remove(channel) }

// Client is a client of the same server, with the same settings: an answer may
// take 3 seconds, and nothing is tried again.
func (b *Bus) Client() *redis.Client { return b.client }

func (b *Bus) run() {
	defer close(b.ended)
	var retry backoff
	for {
		began := time.Now()
		err := newReader(b).run()
		wasUp := b.state.Swap(away) == up
		b.replica.Store(CauseOf(err) == CauseReplica)
		b.conns.drop()
		if wasUp { // else it has heard nothing since it was told before
			b.listener.Disconnected()
		}
		if b.ctx.Err() != nil {
			return
		}
		b.change(false, err)
		if wasUp && time.Since(began) > lastBackoff {
			retry = backoff{}
		}
		if retry.isNew(err) || wasUp {
			b.log().Error(describe(err)+"; trying again until it is there",
				zap.String("address", b.address), zap.Error(err))
		}
		select {
		case <-time.After(retry.next()):
		case <-b.ctx.Done():
			return
		}
	}
}

// connected is called when a new connection has heard the first probe.
func (b *Bus) connected() {
	b.replica.Store(false)
	b.state.Store(up)
	b.change(true, nil)
	b.log().Info("listening to redis", zap.String("address", b.address))
}

func (b *Bus) change(isUp bool, problem error) {
	if b.note(isUp, problem) && b.Changed != nil {
		b.Changed(isUp, b.Health().Problem)
	}
}
