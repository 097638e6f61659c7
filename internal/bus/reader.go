package bus

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
	// maxUnanswered is how many names may wait for Redis' answer, so that its
	// output buffer for us (client-output-buffer-limit pubsub) holds them all.
	maxUnanswered = 20 * chunk
	// deniedAgain is after how long a channel that was denied is tried again:
	// somebody may have changed the ACL.
	deniedAgain = 30 * time.Second
)

// A reader is one connection that hears channels, from its dial to its end.
// What it sends is answered in the order in which it was sent, an answer a
// name or one error for the whole command, so it keeps what is unanswered.
type reader struct {
	bus    *Bus
	pubsub *redis.PubSub
	probe  probe
	began  time.Time
	// heard is when something came in last: how long after it began.
	heard atomic.Int64 // a time.Duration
	// connected is closed when the first probe has come back.
	connected     chan struct{}
	roleQuestions []roleQuestion // that have not been refused

	mu         sync.Mutex
	asked      map[string]*ask
	sent       []*command
	unanswered int        // names in sent
	halves     [][]string // of a SUBSCRIBE that was denied: to be tried apart
}

// An ask is what the connection has been asked to do with one channel.
type ask struct {
	unanswered int
	on         bool // the last command was SUBSCRIBE
	heard      bool // and has been answered
}

// A command that Redis has not fully answered.
type command struct {
	kind  string // subscribe or unsubscribe
	names []string
}

const (
	subscribe   = "subscribe"
	unsubscribe = "unsubscribe"
)

func newReader(b *Bus) *reader {
	return &reader{
		bus: b, began: time.Now(), probe: newProbe(), asked: make(map[string]*ask),
		connected: make(chan struct{}), roleQuestions: roleQuestions,
	}
}

// run hears until something fails, and returns what.
func (r *reader) run() error {
	select {
	case <-r.bus.demoted: // of the connection before
	default:
	}
	group, ctx := errgroup.WithContext(r.bus.ctx)
	r.pubsub = r.bus.client.Subscribe(ctx) // without a channel it does not dial
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
		r.bus.conns.drop()
		return r.receive()
	})
	group.Go(func() error {
		// Channels count as heard only where the probe is: otherwise a server that
		// fails it would cost their subscribers a gap with each try.
		select {
		case <-r.connected:
			r.bus.wanted.restart()
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
		case <-r.bus.wanted.wake:
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := r.askHalves(); err != nil {
			return err
		}
		if r.isFull() {
			continue // an answer wakes us again
		}
		if err := r.askFor(r.bus.wanted.take(chunk)); err != nil {
			return err
		}
	}
}

func (r *reader) isFull() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.unanswered >= maxUnanswered
}

func (r *reader) askHalves() error {
	r.mu.Lock()
	halves := r.halves
	r.halves = nil
	for i, names := range halves {
		halves[i] = slices.DeleteFunc(names, func(name string) bool {
			return r.asked[name] != nil || !r.bus.wanted.has(name) // things have moved on
		})
	}
	r.mu.Unlock()
	for _, names := range halves {
		if err := r.send(noRedial, subscribe, names); err != nil {
			return err
		}
	}
	return nil
}

// askFor sends what is missing between what was asked and what is wanted.
func (r *reader) askFor(changed map[string]bool) error {
	var on, off, already []string
	r.mu.Lock()
	for name, want := range changed {
		a := r.asked[name]
		switch {
		case want && (a == nil || !a.on):
			on = append(on, name)
		case want && a.heard:
			// Forgotten and wanted again before anything was sent.
			already = append(already, name)
		case !want && a != nil && a.on:
			off = append(off, name)
		}
	}
	r.mu.Unlock()

	for _, name := range already {
		r.bus.listener.Subscribed(name)
	}
	if err := r.send(noRedial, subscribe, on); err != nil {
		return err
	}
	return r.send(noRedial, unsubscribe, off)
}

func (r *reader) send(ctx context.Context, kind string, names []string) error {
	if len(names) == 0 {
		return nil
	}
	r.mu.Lock()
	for _, name := range names {
		a := r.asked[name]
		if a == nil {
			a = &ask{}
			r.asked[name] = a
		}
		a.unanswered++
		a.on, a.heard = kind == subscribe, false
	}
	r.sent = append(r.sent, &command{kind, names})
	r.unanswered += len(names)
	r.mu.Unlock()

	if kind == subscribe {
		return r.pubsub.Subscribe(ctx, names...)
	}
	return r.pubsub.Unsubscribe(ctx, names...)
}

// receive reads, and is the only one to: Redis drops a client that lets too
// much wait for it.
func (r *reader) receive() error {
	for {
		received, err := r.pubsub.Receive(noRedial)
		if err != nil {
			var said redis.Error
			if !errors.As(err, &said) {
				return err
			}
			if err := r.refused(said); err != nil {
				return err
			}
			continue
		}
		r.heard.Store(int64(time.Since(r.began)))
		switch m := received.(type) {
		case *redis.Message:
			if m.Channel == r.probe.channel {
				r.probe.hear()
			} else {
				r.bus.messages.Add(1)
				r.bus.listener.Message(m.Channel, m.Payload)
			}
		case *redis.Subscription:
			if err := r.answered(m); err != nil {
				return err
			}
		case *redis.Pong:
			r.probe.hear()
		}
	}
}

// answered takes Redis' answer for one name.
func (r *reader) answered(m *redis.Subscription) error {
	r.mu.Lock()
	if len(r.sent) == 0 || r.sent[0].kind != m.Kind || r.sent[0].names[0] != m.Channel {
		r.mu.Unlock()
		return fmt.Errorf("redis answered %s %q, which was not asked next", m.Kind, m.Channel)
	}
	if c := r.sent[0]; len(c.names) > 1 {
		c.names = c.names[1:]
	} else {
		r.sent = r.sent[1:]
		r.bus.wanted.poke() // there is room for more
	}
	listening := r.settle(m.Channel)
	r.mu.Unlock()

	switch {
	case m.Channel == r.probe.channel:
		r.probe.start(true)
	case listening:
		r.bus.listener.Subscribed(m.Channel)
	}
	return nil
}

// settle counts an answer for the name, and reports whether it is heard now.
// Answers to earlier commands, that a later one has overtaken, say nothing.
func (r *reader) settle(name string) (listening bool) {
	r.unanswered--
	a := r.asked[name]
	a.unanswered--
	if a.unanswered > 0 {
		return false
	}
	if !a.on {
		delete(r.asked, name)
		return false
	}
	a.heard = true
	return true
}

// refused takes Redis' error for the oldest command. One channel that the user
// may not hear makes Redis refuse all that were asked for with it, so those are
// tried in halves, until the one is found.
func (r *reader) refused(err redis.Error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.sent) == 0 || !Denied(err) {
		return err
	}
	c := r.sent[0]
	r.sent = r.sent[1:]
	for _, name := range c.names {
		r.settle(name)
		if a := r.asked[name]; a != nil && a.unanswered == 0 {
			delete(r.asked, name)
		}
	}
	switch {
	case c.names[0] == r.probe.channel:
		r.bus.log().Warn("redis denies this user the probe's channel (ACL: allow &"+probePrefix+"*); "+
			"watching the connection by PING, which does not notice everything", zap.Error(err))
		r.probe.start(false)
	case len(c.names) > 1:
		half := len(c.names) / 2
		r.halves = append(r.halves, slices.Clone(c.names[:half]), slices.Clone(c.names[half:]))
		r.bus.wanted.poke()
	default:
		r.bus.denied.Do(func(suppressed int) {
			r.bus.log().Error("redis denies this user a channel (ACL); its subscribers hear nothing",
				zap.String("channel", c.names[0]), zap.Int("others_meanwhile", suppressed), zap.Error(err))
		})
		time.AfterFunc(deniedAgain, func() { r.bus.wanted.touch(c.names...) })
	}
	return nil
}
