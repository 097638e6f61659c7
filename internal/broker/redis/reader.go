package redisbroker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"
)

const (
	// chunk is how many channels one SUBSCRIBE names: managed services refuse
	// commands of more than some thousand arguments.
	chunk = 1000
	// maxPending is how many names may wait for Redis' answer, so that its
	// output buffer for us (client-output-buffer-limit pubsub) holds them all.
	maxPending = 20 * chunk
	// deniedRetry is after how long a channel that was denied is tried again:
	// somebody may have changed the ACL.
	deniedRetry = 30 * time.Second
)

// A reader is one connection that subscribes to channels, from its dial to its end.
// What it sends is answered in the order in which it was sent, an answer a
// name or one error for the whole command, so it keeps what is pending.
type reader struct {
	broker *Broker
	node   *node
	pubsub *redis.PubSub
	probe  probe
	began  time.Time
	// lastReceived is when something came in last: how long after it began.
	lastReceived atomic.Int64 // a time.Duration
	// connected is closed when the first probe has come back.
	connected     chan struct{}
	roleQuestions []roleQuestion // that have not been refused

	mu       sync.Mutex
	requests map[string]*request
	sent     []*command
	pending  int // names in sent
	ended    endings
	bisected [][]string // of a SUBSCRIBE that was denied: to be tried apart
}

// A request is what the connection has been asked to do with one channel.
type request struct {
	pending   int
	on        bool // the last command was SUBSCRIBE
	confirmed bool // and has been answered
}

// A command that Redis has not fully answered.
type command struct {
	kind  string // subscribe or unsubscribe
	names []string
}

const (
	subscribe          = "subscribe"
	unsubscribe        = "unsubscribe"
	shardedSubscribe   = "ssubscribe"
	shardedUnsubscribe = "sunsubscribe"
)

func newReader(n *node) *reader {
	return &reader{
		broker: n.broker, node: n, began: time.Now(), probe: newProbe(), requests: make(map[string]*request),
		connected: make(chan struct{}), roleQuestions: roleQuestions,
	}
}

// run hears until something fails, and returns what.
func (r *reader) run() error {
	r.node.demoted.Clear() // that was of the connection before
	group, ctx := errgroup.WithContext(r.node.ctx)
	r.pubsub = r.node.client.Subscribe(ctx) // without a channel it does not dial
	closed := make(chan struct{})
	context.AfterFunc(ctx, func() {
		defer close(closed)
		_ = r.pubsub.Close() // it only says that it was closed before
	})

	group.Go(func() error {
		// The only call that may dial: with a context that does not refuse it.
		if err := r.send(ctx, subscribe, []string{r.probe.channel}); err != nil {
			return err
		}
		// Others may have been made while the address led to another server.
		r.node.conns.drop()
		return r.receive()
	})
	group.Go(func() error {
		// Channels count as heard only where the probe is: otherwise a server that
		// fails it would cost their subscribers a gap with each try.
		select {
		case <-r.connected:
			r.node.subscriptions.restart()
			return r.follow(ctx)
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	group.Go(func() error { return r.watch(ctx) })
	group.Go(func() error { return r.maintain(ctx) })
	err := group.Wait()
	<-closed
	return err
}

// follow asks Redis for what is wanted, as it changes.
func (r *reader) follow(ctx context.Context) error {
	for {
		select {
		case <-r.node.subscriptions.wake:
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := r.sendBisected(); err != nil {
			return err
		}
		if r.isFull() {
			continue // an answer wakes us again
		}
		if err := r.sendChanges(r.node.subscriptions.drain(chunk)); err != nil {
			return err
		}
	}
}

func (r *reader) isFull() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.pending >= maxPending
}

func (r *reader) sendBisected() error {
	r.mu.Lock()
	bisected := r.bisected
	r.bisected = nil
	for i, names := range bisected {
		bisected[i] = slices.DeleteFunc(names, func(name string) bool {
			return r.requests[name] != nil || !r.node.subscriptions.has(name) // things have moved on
		})
	}
	r.mu.Unlock()
	for _, names := range bisected {
		if err := r.send(noRedial, subscribe, names); err != nil {
			return err
		}
	}
	return nil
}

// sendChanges sends what is missing between what was asked and what is wanted.
func (r *reader) sendChanges(changed map[string]bool) error {
	var on, off, already []string
	r.mu.Lock()
	for name, want := range changed {
		req := r.requests[name]
		switch {
		case want && (req == nil || !req.on):
			on = append(on, name)
		case want && req.confirmed:
			// Forgotten and wanted again before anything was sent.
			already = append(already, name)
		case !want && req != nil && req.on:
			off = append(off, name)
		}
	}
	r.mu.Unlock()

	for _, name := range already {
		r.node.subscribed(name)
	}
	if err := r.sendBoth(subscribe, on); err != nil {
		return err
	}
	return r.sendBoth(unsubscribe, off)
}

// sendBoth sends what is asked of classic channels in one command, and of each sharded
// one in its own: a command may name one slot only, and is refused as a whole.
func (r *reader) sendBoth(kind string, names []string) error {
	var classic []string
	for _, name := range names {
		if !isSharded(name) {
			classic = append(classic, name)
		} else if err := r.send(noRedial, "s"+kind, []string{name}); err != nil {
			return err
		}
	}
	return r.send(noRedial, kind, classic)
}

func (r *reader) send(ctx context.Context, kind string, names []string) error {
	if len(names) == 0 {
		return nil
	}
	r.mu.Lock()
	for _, name := range names {
		req := r.requests[name]
		if req == nil {
			req = &request{}
			r.requests[name] = req
		}
		req.pending++
		req.on, req.confirmed = kind == subscribe || kind == shardedSubscribe, false
	}
	r.sent = append(r.sent, &command{kind, names})
	r.pending += len(names)
	r.mu.Unlock()

	switch kind {
	case subscribe:
		return r.pubsub.Subscribe(ctx, names...)
	case unsubscribe:
		return r.pubsub.Unsubscribe(ctx, names...)
	case shardedSubscribe:
		return r.pubsub.SSubscribe(ctx, channelOf(names[0]))
	}
	return r.pubsub.SUnsubscribe(ctx, channelOf(names[0]))
}

// receive reads, and is the only one to: Redis drops a client that lets too
// much wait for it.
func (r *reader) receive() error {
	for {
		received, err := r.pubsub.Receive(noRedial)
		if err != nil {
			var reply redis.Error
			if !errors.As(err, &reply) {
				return err
			}
			if err := r.refused(reply); err != nil {
				return err
			}
			continue
		}
		r.lastReceived.Store(int64(time.Since(r.began)))
		switch m := received.(type) {
		case *redis.Message:
			if m.Channel == r.probe.channel {
				r.probe.back.Set()
			} else {
				r.node.received(m.Channel, m.Payload)
			}
		case *redis.Subscription:
			if err := r.answered(m); err != nil {
				return err
			}
		case *redis.Pong:
			r.probe.back.Set()
		}
	}
}

// answered takes Redis' answer for one name.
func (r *reader) answered(m *redis.Subscription) error {
	name := m.Channel
	if m.Kind == shardedSubscribe || m.Kind == shardedUnsubscribe {
		name = shardedName(name)
	}
	r.mu.Lock()
	if len(r.sent) == 0 || r.sent[0].kind != m.Kind || r.sent[0].names[0] != name {
		r.mu.Unlock()
		if m.Kind == shardedUnsubscribe {
			r.takenAway(name)
			return nil
		}
		return fmt.Errorf("redis answered %s %q, which was not asked next", m.Kind, m.Channel)
	}
	if m.Kind == shardedUnsubscribe {
		r.ended.add(slotOf(m.Channel))
	}
	if c := r.sent[0]; len(c.names) > 1 {
		c.names = c.names[1:]
	} else {
		r.sent = r.sent[1:]
		r.node.subscriptions.wake.Set() // there is room for more
	}
	listening := r.acknowledge(name)
	r.mu.Unlock()

	switch {
	case m.Channel == r.probe.channel:
		r.probe.start(true)
	case listening:
		r.node.subscribed(name)
	}
	return nil
}

// takenAway takes that the node has ended a subscription by itself, since the channel's
// slot is another's now. It is asked again, which says whose.
func (r *reader) takenAway(name string) {
	r.mu.Lock()
	if req := r.requests[name]; req != nil && req.pending == 0 {
		delete(r.requests, name)
	}
	r.mu.Unlock()
	r.broker.cluster.takenAway(r.node, name)
}

// acknowledge counts an answer for the name, and reports whether it is heard now.
// Answers to earlier commands, that a later one has overtaken, say nothing.
func (r *reader) acknowledge(name string) (listening bool) {
	r.pending--
	req := r.requests[name]
	req.pending--
	if req.pending > 0 {
		return false
	}
	if !req.on {
		delete(r.requests, name)
		return false
	}
	req.confirmed = true
	return true
}

// refused takes Redis' error for the oldest command. One channel that the user
// may not hear makes Redis refuse all that were asked for with it, so those are
// tried in halves, until the one is found.
func (r *reader) refused(err redis.Error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	to, slot, addr := redirectionOf(err)
	isSent := len(r.sent) > 0 && isSharded(r.sent[0].names[0]) && (to == moved && slot == slotOf(channelOf(r.sent[0].names[0])) || to == later)
	switch {
	case isSent:
	case to == moved && r.ended.take(slot):
		return nil
	case to == moved:
		return fmt.Errorf("redis answered %q, which is no answer to what was asked next", err.Error())
	case len(r.sent) == 0 || !denied(err):
		return err
	}
	c := r.sent[0]
	r.sent = r.sent[1:]
	for _, name := range c.names {
		r.acknowledge(name)
		if req := r.requests[name]; req != nil && req.pending == 0 {
			delete(r.requests, name)
		}
	}
	switch {
	case isSent:
		r.node.subscriptions.wake.Set() // there is room for more
		go r.broker.cluster.sentOn(r.node, c.names[0], to, slot, addr)
	case c.names[0] == r.probe.channel:
		r.broker.log().Warn("redis denies this user the probe's channel (ACL: allow &"+probePrefix+"*); "+
			"watching the connection by PING, which does not notice everything", zap.Error(err))
		r.probe.start(false)
	case len(c.names) > 1:
		half := len(c.names) / 2
		r.bisected = append(r.bisected, slices.Clone(c.names[:half]), slices.Clone(c.names[half:]))
		r.node.subscriptions.wake.Set()
	default:
		r.broker.denied.Do(func(suppressed int) {
			r.broker.log().Error("redis denies this user a channel (ACL); its subscribers receive nothing",
				zap.String("channel", channelOf(c.names[0])), zap.Int("others_meanwhile", suppressed), zap.Error(err))
		})
		if cluster := r.broker.cluster; cluster != nil {
			go cluster.denied(r.node, c.names[0])
		}
		time.AfterFunc(deniedRetry, func() { r.node.subscriptions.markDirty(c.names...) })
	}
	return nil
}
