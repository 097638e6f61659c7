package redisbroker

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"github.com/caddy-sse/caddy-sse/internal/broker"
	"github.com/caddy-sse/caddy-sse/internal/jitter"
)

const (
	// maxBacklog is how many events may wait to be stored later.
	maxBacklog = 10_000
	// maxBacklogBytes is how many bytes they may have.
	maxBacklogBytes = 16 << 20
	// maxBatch and maxBatchBytes bound what is stored at once.
	maxBatch      = 256
	maxBatchBytes = 256 << 10
	// flushPoll is how often Flush looks.
	flushPoll = 10 * time.Millisecond
)

// A backlog is what waits to be stored, in its order, until Redis is there.
type backlog struct {
	mu      sync.Mutex
	waiting []*pendingStore
	bytes   int

	isStoring bool // somebody is storing it
}

// A pendingStore is one event that waits to be stored.
type pendingStore struct {
	channel string
	fields  []string
	limits  broker.HistoryLimits
	done    func(error)
}

func (p *pendingStore) size() int {
	n := len(p.channel) + 100
	for _, f := range p.fields {
		n += len(f)
	}
	return n
}

// Backlog is how many events wait to be stored.
func (b *Broker) Backlog() int {
	b.backlog.mu.Lock()
	defer b.backlog.mu.Unlock()
	return len(b.backlog.waiting)
}

// Enqueue stores an event, as [Broker.Store] does, as soon as Redis is there,
// after those that have waited longer, and calls done when it is, or when it is
// given up: because Redis does not want it, or the broker is closed. It is given up
// at once, with [ErrBacklogFull], if 10,000 events or 16 MiB wait already.
//
// An event whose first answer was lost may be stored twice: rather than never.
func (b *Broker) Enqueue(channel string, fields []string, limits broker.HistoryLimits, done func(error)) error {
	p := &pendingStore{channel, fields, limits, done}
	b.backlog.mu.Lock()
	defer b.backlog.mu.Unlock()
	if b.ctx.Err() != nil {
		return broker.ErrClosed
	}
	if len(b.backlog.waiting) >= maxBacklog || b.backlog.bytes+p.size() > maxBacklogBytes {
		return broker.ErrBacklogFull
	}
	b.backlog.bytes += p.size()
	b.backlog.waiting = append(b.backlog.waiting, p)
	if !b.backlog.isStoring {
		b.backlog.isStoring = true
		b.work.Go(b.storeBacklog)
	}
	return nil
}

// Flush waits until nothing is left to be stored, the context is done, or Redis is
// away.
func (b *Broker) Flush(ctx context.Context) {
	for b.Backlog() > 0 && !b.Away() {
		select {
		case <-time.After(flushPoll):
		case <-ctx.Done():
			return
		}
	}
}

// storeBacklog stores what waits until nothing does. After a failure it tries
// with one event, and then with twice as many each time, so that little is
// stored twice if Redis freezes again.
func (b *Broker) storeBacklog() {
	wait, size := firstBackoff, 1
	for {
		batch := b.backlog.first(size, b.isAwayFrom)
		if batch == nil {
			return
		}
		if b.ctx.Err() != nil {
			b.giveUp()
			return
		}
		if len(batch) == 0 {
			size = 1
			b.pauseStoring(&wait)
			continue
		}
		errs := b.storeBatch(batch)
		var failed error // the first of those that are to be tried again
		b.backlog.settle(batch, errs, func(err error) bool {
			again := err != nil && !final(err)
			if again && failed == nil {
				failed = err
			}
			return !again
		})
		for i, p := range batch {
			if errs[i] == nil || final(errs[i]) {
				p.done(typed(errs[i]))
			}
		}
		if failed == nil {
			wait, size = firstBackoff, min(2*size, maxBatch)
			continue
		}
		size = 1
		b.pauseStoring(&wait)
	}
}

func (b *Broker) pauseStoring(wait *time.Duration) {
	select {
	case <-time.After(jitter.Spread(*wait, 0.5)):
	case <-b.ctx.Done():
	}
	*wait = min(2**wait, lastBackoff)
}

// isAwayFrom reports whether the channel's master of a cluster is away, for which others
// do not wait.
func (b *Broker) isAwayFrom(channel string) bool {
	return b.cluster != nil && b.cluster.isNodeAway(channel)
}

// storeBatch stores events in their order, by one pipeline, and returns what
// became of each. It tries only while Redis answers: a frozen one would do later
// all that it is asked meanwhile.
func (b *Broker) storeBatch(batch []*pendingStore) []error {
	errs := make([]error, len(batch))
	if b.Away() {
		for i := range errs {
			errs[i] = broker.ErrQueued
		}
		return errs
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(b.ctx), answerTimeout)
	defer cancel()
	if b.cluster != nil {
		b.storeAtNodes(ctx, batch, errs)
	} else {
		b.server.store(ctx, batch, errs)
	}
	return errs
}

// store stores events in their order, by one pipeline, and takes down what became of
// each.
func (n *node) store(ctx context.Context, batch []*pendingStore, errs []error) {
	pipe := n.client.Pipeline()
	replies := make([]*redis.Cmd, len(batch))
	for i, p := range batch {
		if args := scriptArgs(p.fields, p.limits); i == 0 {
			// With its text, so that Redis knows the script when it comes to the rest.
			replies[i] = n.broker.publishScript().Eval(ctx, pipe, []string{p.channel}, args...)
		} else {
			replies[i] = n.broker.publishScript().EvalSha(ctx, pipe, []string{p.channel}, args...)
		}
	}
	_, _ = pipe.Exec(ctx) // each command has its own error
	for i, reply := range replies {
		errs[i] = reply.Err()
	}
}

// storeAtNodes stores events at the nodes of a cluster that own their channels. Of a
// channel of which one has not been stored, none that comes later is, so that they stay
// in their order; nor is anything tried at a node that is away.
func (b *Broker) storeAtNodes(ctx context.Context, batch []*pendingStore, errs []error) {
	var work sync.WaitGroup
	for n, indexes := range b.cluster.byOwner(len(batch), func(i int) string { return batch[i].channel }) {
		if n == nil || n.state.Load() == away {
			b.cluster.askAll()
			for _, i := range indexes {
				errs[i] = broker.ErrQueued
			}
			continue
		}
		work.Go(func() {
			own, ownErrs := make([]*pendingStore, len(indexes)), make([]error, len(indexes))
			for k, i := range indexes {
				own[k] = batch[i]
			}
			n.store(ctx, own, ownErrs)
			failed := make(map[string]bool)
			for k, i := range indexes {
				errs[i] = ownErrs[k]
				to, _, _ := redirectionOf(ownErrs[k])
				if to == moved || to == ask || failed[own[k].channel] && errs[i] != nil {
					errs[i] = broker.ErrQueued
					if !failed[own[k].channel] {
						errs[i] = b.storeOne(ctx, own[k])
					}
				}
				failed[own[k].channel] = failed[own[k].channel] || errs[i] != nil && !final(errs[i])
			}
		})
	}
	work.Wait()
}

// storeOne stores an event where its channel is.
func (b *Broker) storeOne(ctx context.Context, p *pendingStore) error {
	return b.at(ctx, p.channel, false, func(ctx context.Context, n *node) error {
		return b.publishScript().Run(ctx, n.client, []string{p.channel}, scriptArgs(p.fields, p.limits)...).Err()
	})
}

// giveUp gives up what still waits, when the broker is closed.
func (b *Broker) giveUp() {
	b.backlog.mu.Lock()
	waiting := b.backlog.waiting
	b.backlog.waiting, b.backlog.bytes = nil, 0
	b.backlog.mu.Unlock()
	b.log().Error("events that waited to be stored were given up, since the gateway ends", zap.Int("events", len(waiting)))
	for _, p := range waiting {
		p.done(broker.ErrClosed)
	}
}

// first returns up to n events that have waited longest, without those that skip says
// have to wait on. When nothing waits, it returns nil, and the one who stores it ends.
func (b *backlog) first(n int, skip func(channel string) bool) []*pendingStore {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.waiting) == 0 {
		b.waiting = nil
		b.isStoring = false
		return nil
	}
	batch, bytes := make([]*pendingStore, 0, min(n, len(b.waiting))), 0
	skipped := make(map[string]bool) // one answer for all of a channel: they stay in order
	for _, p := range b.waiting {
		isSkipped, ok := skipped[p.channel]
		if !ok {
			isSkipped = skip(p.channel)
			skipped[p.channel] = isSkipped
		}
		if isSkipped {
			continue
		}
		bytes += p.size()
		if len(batch) == n || len(batch) > 0 && bytes > maxBatchBytes {
			break
		}
		batch = append(batch, p)
	}
	return batch
}

// settle takes out those of a batch, of which errs says what became, that are over.
func (b *backlog) settle(batch []*pendingStore, errs []error, isOver func(error) bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	over := make(map[*pendingStore]bool, len(batch))
	for i, p := range batch {
		if isOver(errs[i]) {
			b.bytes -= p.size()
			over[p] = true
		}
	}
	b.waiting = slices.DeleteFunc(b.waiting, func(p *pendingStore) bool { return over[p] })
}
