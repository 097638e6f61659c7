package redisbroker

import (
	"cmp"
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"github.com/caddy-sse/caddy-sse/internal/broker"
	"github.com/caddy-sse/caddy-sse/internal/wake"
)

// A node is one Redis server: the connection that receives its channels, and those
// that publish and read there.
type node struct {
	broker  *Broker
	client  *redis.Client
	conns   *connections
	finder  *finder     // of the server, if it moves; nil: it is at the address
	demoted wake.Signal // set when Redis has refused to write, as a replica does
	replica atomic.Bool // the last reader ended at a replica
	address atomic.Pointer[string]
	id      string      // in a cluster
	isUsed  wake.Signal // set when it has come to own something in a cluster

	turnOnAt time.Time // notifications not before; under the notifier's lock

	subscriptions *subscriptionSet
	state         atomic.Int32
	isReceiving   atomic.Bool // a channel has been subscribed to since the connection was lost
	health        health

	started sync.Once
	ctx     context.Context
	cancel  context.CancelFunc
	ended   chan struct{}
}

// newNode makes a node that dials nothing until it starts. The options are those of
// its connections, but for the dialer.
func newNode(b *Broker, o *redis.Options, d dial) *node {
	n := &node{
		broker: b, conns: &connections{dial: d}, demoted: wake.New(), isUsed: wake.New(),
		subscriptions: newSubscriptionSet(), ended: make(chan struct{}),
	}
	n.address.Store(&o.Addr)
	n.ctx, n.cancel = context.WithCancel(b.ctx)
	n.conns.idleLimit.Store(int64(idleLimit))
	own := *o
	own.Dialer = failAtUse(refuseRedial(n.conns.connect))
	n.client = redis.NewClient(&own)
	n.client.AddHook(observer{n})
	return n
}

// start connects, in the background and again and again. A second call does nothing.
func (n *node) start() {
	n.started.Do(func() {
		if n.finder != nil {
			n.broker.spawn(func() { n.finder.run(n.ctx) })
		}
		go n.run()
	})
}

// end ends what start has begun, and waits for it.
func (n *node) end() {
	n.cancel()
	n.started.Do(func() { close(n.ended) }) // it was never started
	<-n.ended
}

func (n *node) close() {
	_ = n.client.Close() // it only says that it was closed before
}

// stop ends all of it.
func (n *node) stop() {
	n.end()
	n.close()
}

// moveTo has the server reached at another address, by which it goes, and which is
// dialled as another.
func (n *node) moveTo(addr, dialled string) {
	n.address.Store(&addr)
	n.conns.moveTo(dialled)
}

// where is where the server is, or, while that is not known, its name.
func (n *node) where() string {
	if n.finder != nil {
		return cmp.Or(n.finder.address(), *n.address.Load())
	}
	return *n.address.Load()
}

// What is known of Redis.
const (
	connecting int32 = iota // nothing yet
	up
	away
)

func (n *node) run() {
	defer close(n.ended)
	var retry backoff
	for {
		if !n.awaitUse() {
			return
		}
		began := time.Now()
		err := newReader(n).run()
		wasUp := n.state.Swap(away) == up
		n.replica.Store(causeOf(err) == broker.CauseReplica)
		n.conns.drop()
		if wasUp { // else it has received nothing since it was told before
			n.isReceiving.Store(false)
			n.broker.disconnected(n)
		}
		if n.ctx.Err() != nil {
			return
		}
		if n.finder != nil {
			n.finder.lost(n.replica.Load())
		}
		n.change(false, err)
		if wasUp && time.Since(began) > lastBackoff {
			retry = backoff{}
		}
		// Of a move the finder has told; and a master of a cluster that becomes a replica
		// is no trouble.
		isMove := n.finder != nil && errors.Is(err, net.ErrClosed) || n.broker.cluster != nil && n.replica.Load()
		if retry.isNew(err, wasUp) && !isMove {
			n.broker.log().Error(describe(err)+"; trying again until it is there",
				zap.String("address", n.where()), zap.Error(err))
		}
		select {
		case <-time.After(retry.next()):
		case <-n.finder.hasMoved():
		case <-n.ctx.Done():
			return
		}
	}
}

// awaitUse waits until a node of a cluster owns something, and reports whether it is to
// go on.
func (n *node) awaitUse() bool {
	for n.broker.cluster != nil && n.broker.cluster.isIdle(n) {
		select {
		case <-n.isUsed:
		case <-n.ctx.Done():
			return false
		}
	}
	return true
}

// connected is called when a new connection has received the first probe.
func (n *node) connected() {
	n.replica.Store(false)
	if n.finder != nil {
		n.finder.connected()
	}
	n.state.Store(up)
	n.change(true, nil)
	n.broker.log().Info("listening to redis", zap.String("address", n.where()))
}

// subscribed takes that the channel is received.
func (n *node) subscribed(channel string) {
	isFirst := !n.isReceiving.Swap(true)
	if c := n.broker.cluster; c != nil {
		c.subscribed(n, channel)
	} else {
		if isFirst {
			n.broker.listener.Connected()
		}
		n.broker.subscribed(channel)
	}
	if isFirst {
		n.broker.notifier.reconnected()
	}
}

// received takes what was published.
func (n *node) received(channel, payload string) {
	if c := n.broker.cluster; c != nil {
		c.received(n, channel, payload)
		return
	}
	n.broker.received(channel, payload)
}

func (n *node) change(isUp bool, problem error) {
	isNews := n.note(isUp, problem)
	switch c := n.broker.cluster; {
	case c != nil:
		c.nodeChanged(isUp)
	case isNews:
		n.broker.changed(isUp)
	}
}
