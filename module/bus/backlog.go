package bus

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/jitter"
)

const (
	// maxBacklog is how many events may wait to be stored later.
	maxBacklog = 10_000
	// maxBacklogBytes is how many bytes they may have.
	maxBacklogBytes = 16 << 20
)

// Reasons for which an event is not stored now.
var (
	ErrInTurn      = errors.New("redis is away; what came before waits to be stored, too")
	ErrBacklogFull = errors.New("too much waits to be stored already")
	errClosed      = errors.New("the gateway ends")
)

// A backlog is what waits to be stored, in its order, until Redis is there.
type backlog struct {
	mu      sync.Mutex
	waiting []later
	bytes   int
}

// A later is one event that waits.
type later struct {
	channel string
	fields  []string
	keep    Keep
	done    func(error)
}

func (l *later) size() int {
	n := len(l.channel) + 100
	for _, f := range l.fields {
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

// StoreLater stores an event, as [Bus.Store] does, as soon as Redis is there,
// after those that have waited longer, and calls done when it is, or when it is
// given up: because Redis does not want it, or the bus is closed. It is given up
// at once, with [ErrBacklogFull], if 10,000 events or 16 MiB wait already.
//
// An event whose first answer was lost may be stored twice: rather than never.
func (b *Bus) StoreLater(channel string, fields []string, keep Keep, done func(error)) error {
	l := later{channel, fields, keep, done}
	b.backlog.mu.Lock()
	defer b.backlog.mu.Unlock()
	if b.ctx.Err() != nil {
		return errClosed
	}
	if len(b.backlog.waiting) >= maxBacklog || b.backlog.bytes+l.size() > maxBacklogBytes {
		return ErrBacklogFull
	}
	b.backlog.bytes += l.size()
	b.backlog.waiting = append(b.backlog.waiting, l)
	if len(b.backlog.waiting) == 1 {
		go b.storeBacklog()
	}
	return nil
}

// storeBacklog stores what waits until nothing does.
func (b *Bus) storeBacklog() {
	for wait := firstBackoff; ; {
		b.backlog.mu.Lock()
		if len(b.backlog.waiting) == 0 {
			b.backlog.waiting = nil
			b.backlog.mu.Unlock()
			return
		}
		next := b.backlog.waiting[0]
		b.backlog.mu.Unlock()

		err := b.storeIfThere(next)
		if err != nil && b.ctx.Err() == nil && !Final(err) {
			select {
			case <-time.After(jitter.Spread(wait, 0.5)):
			case <-b.ctx.Done():
			}
			wait = min(2*wait, lastBackoff)
			continue
		}
		wait = firstBackoff
		if b.ctx.Err() != nil {
			err = errClosed
		}
		b.backlog.mu.Lock()
		b.backlog.waiting[0] = later{}
		b.backlog.waiting = b.backlog.waiting[1:]
		b.backlog.bytes -= next.size()
		b.backlog.mu.Unlock()
		next.done(err)
	}
}

// storeIfThere tries only while Redis answers: a frozen one would do later all
// that it is asked meanwhile.
func (b *Bus) storeIfThere(l later) error {
	if b.Away() {
		return ErrInTurn
	}
	_, _, err := b.Store(context.WithoutCancel(b.ctx), l.channel, l.fields, l.keep)
	return err
}
