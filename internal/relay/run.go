package relay

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/broker"
	"github.com/caddy-sse/caddy-sse/internal/eventstream"
	"github.com/caddy-sse/caddy-sse/internal/protocol"
)

const (
	// maxUnstored is how many bytes may wait to be stored, or, of what is not stored at
	// all, for the client. While more do, the app waits.
	maxUnstored = 1 << 20
	// stuckAfter is for how long the app waits for Redis at most.
	stuckAfter = 2 * time.Second
	// keepForClient is how many bytes that are stored are kept for a client that is
	// behind, before it has to read them from Redis.
	keepForClient = 256 << 10
)

// A Run is one answer of an app on its way to a channel's history. Its entries are
// numbered, and their IDs made of these numbers, so that they are known before they are
// stored: 0 is its start.
type Run struct {
	Channel, Token string
	runs           *Runs
	options        Options
	began          time.Time
	parser         parser // its writer's

	sending sync.Mutex    // while something is added to Redis; before mu
	wake    chan struct{} // holds a token while there is something to store

	// Stopped is done when the app need not go on.
	Stopped context.Context
	stop    context.CancelFunc

	mu      sync.Mutex
	room    sync.Cond // for a writer that waits
	bases   []base    // of the IDs
	records []record  // that somebody still needs
	first   int       // the number of the first of these
	next    int       // the number of the next one
	stored  int       // those before this number are, if storing
	storing bool
	endsAt  int              // the number of the end entry; 0: there is none yet
	start   protocol.EntryID // zero until it is stored
	// previous is the entry that was stored last.
	previous  protocol.EntryID
	waiting   int       // bytes that are not stored, if storing
	kept      int       // bytes in records
	size      int64     // of all events
	oldestAt  time.Time // when the oldest came that is not stored
	renewed   time.Time
	lookedAt  time.Time // for readers
	readAt    time.Time // when somebody read it last, as far as was looked
	troubled  time.Time // since when nothing could be stored; zero: it can
	knowsStop bool      // that it was stopped, as its lease says
	released  bool      // it has never become a run, or is not to be added to
	over      bool
	reason    protocol.EndReason // if over
	client    *Client            // who asked for it; nil: nobody, or it has left
}

// A base is the milliseconds of IDs, from a number on.
type base struct {
	from int
	ms   uint64
}

// A record is an entry that is not stored yet, or that the client has not got yet.
type record struct {
	fields []string           // nil once it is stored
	frame  *eventstream.Frame // nil: it is not for the client
	size   int
}

func newRun(rs *Runs, channel, token string, o Options) *Run {
	r := &Run{Channel: channel, Token: token, runs: rs, options: o, began: time.Now(), wake: make(chan struct{}, 1), storing: true}
	r.room.L = &r.mu
	r.parser.each = r.add
	r.Stopped, r.stop = context.WithCancel(context.Background())
	return r
}

func (r *Run) holder() broker.RunHolder {
	h := broker.RunHolder{Token: r.Token, Lease: lease, Keep: r.options.TTL}
	if r.knowsStop {
		h.Token = "!" + h.Token // as the lease has it
	}
	return h
}

// acquired takes what was found when it got its lease.
func (r *Run) acquired(found *broker.RunLease) {
	r.renewed = time.Now()
	r.previous = found.Newest
	r.bases = []base{{0, max(found.Now, found.Newest.Ms+1)}}
}

// id is the ID of the entry of that number.
func (r *Run) id(n int) protocol.EntryID {
	for i := len(r.bases) - 1; ; i-- {
		if b := r.bases[i]; b.from <= n || i == 0 {
			return protocol.EntryID{Ms: b.ms, Seq: uint64(n)}
		}
	}
}

// Begin stores the run's start, from which on others can join it.
func (r *Run) Begin(ctx context.Context) error {
	r.sending.Lock()
	defer r.sending.Unlock()
	r.mu.Lock()
	start := protocol.Entry{ID: r.id(0), Fields: []string{"event", protocol.StartType, "run", r.Token}}
	batch := &broker.RunBatch{
		RunHolder: r.holder(), Start: start.ID, Previous: r.previous, Entries: []protocol.Entry{start},
		MaxLen: int64(r.options.MaxEvents), TTL: r.options.TTL, Renew: true,
	}
	r.mu.Unlock()
	err := r.runs.broker.AppendRun(ctx, r.Channel, batch)
	if behind := (*broker.RunBehindError)(nil); errors.As(err, &behind) {
		r.mu.Lock()
		r.bases[0].ms = behind.Newest.Ms + 1
		start.ID = r.id(0)
		batch.Start, batch.Previous, batch.Entries[0] = start.ID, behind.Newest, start
		r.mu.Unlock()
		err = r.runs.broker.AppendRun(ctx, r.Channel, batch)
	}
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.start, r.previous = start.ID, start.ID
	r.first, r.next, r.stored, r.renewed, r.readAt = 1, 1, 1, time.Now(), time.Now()
	return nil
}

// Start is the ID of the run's first entry.
func (r *Run) Start() protocol.EntryID {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.start
}

// ErrOver is the error of what is written to a run that is over.
var ErrOver = errors.New("the run is over")

// Write takes the next bytes of the app's answer, which is an event stream. It waits while
// too much is to be stored, and, past what is stored, for the client.
func (r *Run) Write(b []byte) (int, error) {
	if err := r.parser.write(b); err != nil {
		r.End(protocol.EndError)
		return 0, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over {
		return 0, ErrOver
	}
	return len(b), nil
}

// add adds an event. What would be the start or the end of a run is not the app's to say.
func (r *Run) add(fields []string) {
	entry := protocol.Entry{Fields: fields}
	if _, isEnd := entry.End(); isEnd || entry.IsStart() {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for !r.over && r.mustWait() {
		r.room.Wait()
	}
	if r.over {
		return
	}
	size := broker.SizeOf(entry)
	r.size += int64(size)
	if r.storing && r.endsAt == 0 && (r.next > r.options.MaxEvents || r.size > r.options.MaxSize) {
		r.cut()
	}
	r.push(record{fields: fields, frame: r.frame(r.next, fields), size: size})
}

// frame is the event as the client gets it.
func (r *Run) frame(n int, fields []string) *eventstream.Frame {
	event, _ := protocol.Entry{ID: r.id(n), Fields: fields}.Event(protocol.View{Format: protocol.Text}) // what cannot be used is left out
	return event.Frame()
}

// mustWait reports whether there is no room for another event.
func (r *Run) mustWait() bool {
	if r.storing && r.endsAt == 0 {
		if r.waiting <= maxUnstored {
			return false
		}
		if r.troubled.IsZero() || time.Since(r.troubled) < stuckAfter {
			return true
		}
		r.cut()
	}
	return r.client != nil && r.backlog() > maxUnstored
}

// backlog is how many bytes of what is kept the client has not got yet.
func (r *Run) backlog() (n int) {
	for i := max(r.client.next-r.first, 0); i < len(r.records); i++ {
		n += r.records[i].size
	}
	return n
}

// push adds a record.
func (r *Run) push(rec record) {
	r.records = append(r.records, rec)
	r.next++
	r.kept += rec.size
	if r.storing && (r.endsAt == 0 || r.endsAt == r.next-1) {
		if r.waiting == 0 {
			r.oldestAt = time.Now()
		}
		r.waiting += rec.size
		if n := r.next - r.stored; n == 1 || n == batchFull || r.endsAt > 0 {
			r.wakeStore()
		}
	}
	r.trim()
	if r.client != nil {
		r.client.wakeUp()
	}
}

// cut ends what is stored of the run, which is not all of it. The client goes on.
func (r *Run) cut() {
	r.pushEnd(protocol.EndError)
	r.runs.warn("an answer is longer than what is kept of it, or could not be stored: those who join it get an error", r, nil)
}

func (r *Run) pushEnd(reason protocol.EndReason) {
	r.endsAt = r.next
	fields := []string{"event", protocol.EndType, "reason", string(reason)}
	r.push(record{fields: fields, size: broker.SizeOf(protocol.Entry{Fields: fields})})
}

// End ends the run, unless it is over. The app is to stop then, if it has not yet.
func (r *Run) End(reason protocol.EndReason) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over || r.released {
		return
	}
	if r.start == (protocol.EntryID{}) { // it has not become a run
		r.release()
		return
	}
	r.over, r.reason = true, reason
	if r.storing && r.endsAt == 0 {
		r.pushEnd(reason)
	}
	r.ended()
}

// ended tells all that it is over.
func (r *Run) ended() {
	r.stop()
	r.room.Broadcast()
	if r.client != nil {
		r.client.wakeUp()
	}
	if r.runs.Ended != nil {
		r.runs.Ended(r.reason)
	}
}

// Release gives the lease of an answer back that is no event stream.
func (r *Run) Release() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.over {
		r.release()
	}
}

func (r *Run) release() {
	r.released = true
	r.stop()
	r.wakeStore()
}

// trim lets go of what nobody needs any more.
func (r *Run) trim() {
	n := 0
	for ; n < len(r.records); n++ {
		number := r.first + n
		isStored := number < r.stored
		if !isStored && r.storing && (r.endsAt == 0 || number <= r.endsAt) {
			break
		}
		if c := r.client; c != nil && !c.behind && c.next <= number {
			if !isStored || r.kept <= keepForClient {
				break
			}
			c.behind = true
		}
		r.kept -= r.records[n].size
	}
	if n == 0 {
		return
	}
	left := copy(r.records, r.records[n:])
	clear(r.records[left:])
	r.records = r.records[:left]
	if left == 0 && cap(r.records) > 2*batchFull {
		r.records = nil
	}
	r.first += n
}
