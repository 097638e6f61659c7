package bus

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

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

// Reasons for which an event is not stored now, or not at all.
var (
	ErrQueued      = errors.New("redis is away; what came before waits to be stored, too")
	ErrBacklogFull = errors.New("too much waits to be stored already")
	ErrClosed      = errors.New("the gateway ends")
)

// A backlog is what waits to be stored, in its order, until Redis is there.
type backlog struct {
	mu      sync.Mutex
	waiting []pendingStore
	bytes   int

	isStoring bool // somebody is storing it
}

// A pendingStore is one event that waits to be stored.
type pendingStore struct {
	channel string
	fields  []string
	limits  StreamLimits
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
func (b *Bus) Backlog() int {
	b.backlog.mu.Lock()
	defer b.backlog.mu.Unlock()
	return len(b.backlog.waiting)
}

// Enqueue stores an event, as [Bus.Store] does, as soon as Redis is there,
// after those that have waited longer, and calls done when it is, or when it is
// given up: because Redis does not want it, or the bus is closed. It is given up
// at once, with [ErrBacklogFull], if 10,000 events or 16 MiB wait already.
//
// An event whose first answer was lost may be stored twice: rather than never.
func (b *Bus) Enqueue(channel string, fields []string, limits StreamLimits, done func(error)) error {
	p := pendingStore{channel, fields, limits, done}
	b.backlog.mu.Lock()
	defer b.backlog.mu.Unlock()
	if b.ctx.Err() != nil {
		return ErrClosed
	}
	if len(b.backlog.waiting) >= maxBacklog || b.backlog.bytes+p.size() > maxBacklogBytes {
		return ErrBacklogFull
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
func (b *Bus) Flush(ctx context.Context) {
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
func (b *Bus) storeBacklog() {
	wait, size := firstBackoff, 1
	for {
		batch := b.backlog.first(size)
		if len(batch) == 0 {
			return
		}
		if b.ctx.Err() != nil {
			b.giveUp()
			return
		}
		errs := b.storeBatch(batch)
		var failed error // the first of those that are to be tried again
		b.backlog.settle(batch, errs, func(err error) bool {
			again := err != nil && !Final(err)
			if again && failed == nil {
				failed = err
			}
			return !again
		})
		for i, p := range batch {
			if errs[i] == nil || Final(errs[i]) {
				p.done(errs[i])
			}
		}
		if failed == nil {
			wait, size = firstBackoff, min(2*size, maxBatch)
			continue
		}
		size = 1
		select {
		case <-time.After(jitter.Spread(wait, 0.5)):
		case <-b.ctx.Done():
		}
		wait = min(2*wait, lastBackoff)
	}
}

// storeBatch stores events in their order, by one pipeline, and returns what
// became of each. It tries only while Redis answers: a frozen one would do later
// all that it is asked meanwhile.
func (b *Bus) storeBatch(batch []pendingStore) []error {
	errs := make([]error, len(batch))
	if b.Away() {
		for i := range errs {
			errs[i] = ErrQueued
		}
		return errs
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(b.ctx), answerTimeout)
	defer cancel()
	pipe := b.client.Pipeline()
	replies := make([]*redis.Cmd, len(batch))
	for i, p := range batch {
		if args := scriptArgs(p.fields, p.limits); i == 0 {
			// With its text, so that Redis knows the script when it comes to the rest.
			replies[i] = publishScript.Eval(ctx, pipe, []string{p.channel}, args...)
		} else {
			replies[i] = publishScript.EvalSha(ctx, pipe, []string{p.channel}, args...)
		}
	}
	_, _ = pipe.Exec(ctx) // each command has its own error
	for i, reply := range replies {
		errs[i] = reply.Err()
	}
	return errs
}

// giveUp gives up what still waits, when the bus is closed.
func (b *Bus) giveUp() {
	b.backlog.mu.Lock()
	waiting := b.backlog.waiting
	b.backlog.waiting, b.backlog.bytes = nil, 0
	b.backlog.mu.Unlock()
	b.log().Error("events that waited to be stored were given up, since the gateway ends", zap.Int("events", len(waiting)))
	for _, p := range waiting {
		p.done(ErrClosed)
	}
}

// first returns up to n events that have waited longest. When there are none, the
// one who stores them ends.
func (b *backlog) first(n int) []pendingStore {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.waiting) == 0 {
		b.waiting = nil
		b.isStoring = false
		return nil
	}
	batch := b.waiting[:1]
	for bytes := batch[0].size(); len(batch) < min(n, len(b.waiting)); {
		if bytes += b.waiting[len(batch)].size(); bytes > maxBatchBytes {
			break
		}
		batch = b.waiting[:len(batch)+1]
	}
	return slices.Clone(batch)
}

// settle takes out of the first events, of which errs says what became, those
// that are over.
func (b *backlog) settle(batch []pendingStore, errs []error, isOver func(error) bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var again []pendingStore
	for i, p := range batch {
		if isOver(errs[i]) {
			b.bytes -= p.size()
		} else {
			again = append(again, p)
		}
	}
	rest := b.waiting[len(batch)-len(again):] // as long as what stays
	copy(rest, again)
	clear(b.waiting[:len(batch)-len(again)])
	b.waiting = rest
}
