package hub

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/eventstream"
)

// A Loop is a goroutine that owns a share of the subscribers, and their
// outlets: whatever is done to one is done in its loop.
//
// It takes what waits in its inbox all at once, and flushes the outlets after
// that, so that events which come faster than they can be written go out
// together. The goroutine exists only while there is something to do.
type Loop struct {
	hub   *Hub
	index int
	sent  atomic.Uint64 // events given to outlets

	mu      sync.Mutex
	inbox   []func()
	fresh   int // bytes in the inbox
	waiting int // those, and what the loop has taken out and not done yet
	running bool

	// The loop's own.
	now             time.Duration
	spare           []func() // the inbox before this one, to be used again
	subscribers     []*Subscriber
	watchers        map[*Subscriber]struct{} // that are notified when the source is away
	away            *eventstream.Frame       // while it is
	dirty           []*Subscriber            // who have been sent something since the last flush
	withPendingGaps []*Subscriber            // with gaps pending, and some that got theirs meanwhile
	receivedAt      time.Time                // when the oldest event was received that was sent since; zero: none was
}

func newLoop(h *Hub, index int) *Loop { return &Loop{hub: h, index: index} }

// Do runs f in the loop, soon, after what was given to it before.
func (l *Loop) Do(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.put(f)
}

// offer is Do for something that has so many bytes, unless more than the limit
// would wait then.
func (l *Loop) offer(f func(), bytes, limit int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.waiting > 0 && l.waiting+bytes > limit {
		return false
	}
	l.fresh += bytes
	l.waiting += bytes
	l.hub.memory.waiting.Add(int64(bytes))
	l.put(f)
	return true
}

func (l *Loop) put(f func()) {
	l.inbox = append(l.inbox, f)
	if !l.running {
		l.running = true
		go l.run()
	}
}

// Now is the time since the process began, as of when the loop last looked. It is
// for use in the loop.
func (l *Loop) Now() time.Duration { return l.now }

var processBegan = time.Now()

func (l *Loop) run() {
	done := 0 // bytes of the inbox before this one
	for {
		l.mu.Lock()
		l.waiting -= done
		l.hub.memory.waiting.Add(-int64(done))
		done, l.fresh = l.fresh, 0
		work := l.inbox
		if len(work) == 0 {
			l.running = false
			l.mu.Unlock()
			return
		}
		l.inbox, l.spare = l.spare[:0], nil
		l.mu.Unlock()

		l.now = time.Since(processBegan)
		for i, f := range work {
			f()
			work[i] = nil
		}
		l.flush()
		if cap(work) <= keepInbox {
			l.spare = work[:0]
		}
	}
}

// keepInbox is the largest inbox that is kept after a burst.
const keepInbox = 4096

// flush has everyone's outlet write what it was sent.
func (l *Loop) flush() {
	for i, s := range l.dirty {
		s.dirty = false
		s.out.Flush()
		l.dirty[i] = nil
	}
	l.dirty = l.dirty[:0]
	if !l.receivedAt.IsZero() {
		if l.hub.Delivered != nil {
			l.hub.Delivered(time.Since(l.receivedAt))
		}
		l.receivedAt = time.Time{}
	}
}

func (l *Loop) add(s *Subscriber) {
	s.index = len(l.subscribers)
	l.subscribers = append(l.subscribers, s)
}

func (l *Loop) remove(s *Subscriber) {
	last := len(l.subscribers) - 1
	l.subscribers[s.index] = l.subscribers[last]
	l.subscribers[s.index].index = s.index
	l.subscribers[last] = nil
	l.subscribers = l.subscribers[:last]
	for i := range s.states {
		if st := &s.states[i]; st.shard != nil {
			st.shard.remove(st.slot)
		}
	}
	delete(l.watchers, s)
	s.queue, s.pendingGaps = nil, nil
}

// drain closes everyone, each at a random moment of the time d.
func (l *Loop) drain(d time.Duration) {
	for _, s := range l.subscribers {
		wait := spread(d)
		last := s.lastFrameAfter(d - wait)
		if wait == 0 {
			s.closeWith(last, ErrClosed)
			continue
		}
		time.AfterFunc(wait, func() { l.Do(func() { s.closeWith(last, ErrClosed) }) })
	}
}
