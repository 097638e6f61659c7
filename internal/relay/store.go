package relay

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-sse/caddy-sse/internal/broker"
	"github.com/caddy-sse/caddy-sse/internal/protocol"
)

const (
	// batchFull is at how many events a batch waits for no others.
	batchFull = 32
	// batchMost and batchBytes are how many events and bytes are stored at once.
	batchMost  = 256
	batchBytes = 256 << 10
	// giveUpAfter is for how long a run that is over is tried to be stored.
	giveUpAfter = time.Minute
)

func (r *Run) wakeStore() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// store stores what is added to the run, and renews its lease, until its end is stored or
// it is given up.
func (r *Run) store() {
	timer := time.NewTimer(renewEvery)
	defer timer.Stop()
	failures := 0
	for {
		if failures > 0 {
			timer.Reset(min(100*time.Millisecond<<min(failures, 10), 2*time.Second))
			select {
			case <-timer.C:
			case <-r.runs.ctx.Done():
				return
			}
		} else if wait := r.untilDue(); wait > 0 {
			timer.Reset(wait)
			select {
			case <-r.wake:
			case <-timer.C:
			case <-r.runs.ctx.Done():
				return
			}
			continue
		}
		isOver, err := r.flush()
		switch {
		case isOver:
			return
		case err != nil:
			failures++
		default:
			failures = 0
			r.checkReaders()
		}
	}
}

// checkReaders stops a run that nobody has read for too long. Gateways that lately had
// readers count, too, as long as they linger.
func (r *Run) checkReaders() {
	r.mu.Lock()
	if r.client != nil {
		r.readAt = time.Now()
	}
	isDue := r.options.Abandon > 0 && !r.over && !r.released && r.start != (protocol.EntryID{}) &&
		time.Since(r.readAt) >= r.options.Abandon/4 && time.Since(r.lookedAt) >= r.options.Abandon/4
	if isDue {
		r.lookedAt = time.Now()
	}
	r.mu.Unlock()
	if !isDue {
		return
	}
	n, err := r.runs.broker.Readers(r.runs.ctx, r.Channel)
	r.mu.Lock()
	if n > 0 || err != nil || r.client != nil {
		r.readAt = time.Now()
	}
	isAbandoned := time.Since(r.readAt) >= r.options.Abandon
	r.mu.Unlock()
	if isAbandoned {
		r.End(protocol.EndStopped)
	}
}

// untilDue is how long there is nothing to be done.
func (r *Run) untilDue() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch n := r.next - r.stored; {
	case r.released || r.endsAt > 0 || n >= batchFull || r.waiting >= batchBytes:
		return 0
	case n > 0:
		return time.Until(r.oldestAt.Add(r.options.Window))
	}
	return time.Until(r.renewed.Add(renewEvery))
}

// flush stores a batch. It reports whether the run needs to be stored no more.
func (r *Run) flush() (isOver bool, err error) {
	r.sending.Lock()
	defer r.sending.Unlock()
	r.mu.Lock()
	batch, bytes := r.batch()
	r.mu.Unlock()
	err = r.runs.broker.AppendRun(r.runs.ctx, r.Channel, batch)
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.room.Broadcast()
	behind := (*broker.RunBehindError)(nil)
	switch {
	case err == nil:
		r.took(batch, bytes)
		return batch.Release, nil
	case errors.As(err, &behind):
		r.renumber(behind.Newest)
		return false, nil
	case errors.Is(err, broker.ErrRunStopped):
		r.knowsStop = true
		r.mu.Unlock()
		r.End(protocol.EndStopped)
		r.mu.Lock()
		return false, nil
	case errors.Is(err, broker.ErrRunFenced):
		r.fenced()
		return true, nil
	}
	if r.troubled.IsZero() {
		r.troubled = time.Now()
	}
	isHopeless := broker.Final(err) || r.released || r.over && time.Since(r.troubled) > giveUpAfter || r.runs.ctx.Err() != nil
	r.runs.warn("an answer cannot be stored now", r, err)
	if isHopeless {
		r.storing = false
		r.trim()
		if r.start == (protocol.EntryID{}) {
			r.released = true
		}
	}
	return isHopeless, err
}

// batch is what to store next.
func (r *Run) batch() (b *broker.RunBatch, bytes int) {
	b = &broker.RunBatch{
		RunHolder: r.holder(), Start: r.start, Previous: r.previous,
		Renew: time.Since(r.renewed) >= renewEvery, Release: r.released,
	}
	if r.start != (protocol.EntryID{}) {
		b.TTL = r.options.TTL
	}
	for n := r.stored; n < r.next && len(b.Entries) < batchMost && bytes < batchBytes && !b.Release; n++ {
		rec := &r.records[n-r.first]
		b.Entries = append(b.Entries, protocol.Entry{ID: r.id(n), Fields: rec.fields})
		bytes += rec.size
		b.Release = n == r.endsAt && n > 0
	}
	if len(b.Entries) > 0 {
		b.Lost = r.lost()
	}
	return b, bytes
}

// lost are the fields of an entry that stands for what was lost, if Redis has forgotten
// the run.
func (r *Run) lost() []string {
	to := r.previous.String()
	data, _ := json.Marshal(struct {
		protocol.Gap
		Channels []string `json:"channels"`
	}{protocol.Gap{Channel: r.Channel, Reason: protocol.Reset, To: to}, []string{r.Channel}}) // strings: it cannot fail
	return []string{"event", protocol.GapType, "data", string(data)}
}

// took takes that a batch is stored.
func (r *Run) took(b *broker.RunBatch, bytes int) {
	r.troubled = time.Time{}
	if b.Renew || len(b.Entries) == 0 {
		r.renewed = time.Now()
	}
	if n := len(b.Entries); n > 0 {
		for i := range n {
			r.records[r.stored+i-r.first].fields = nil
		}
		r.stored += n
		r.waiting -= bytes
		r.previous = b.Entries[n-1].ID
		r.oldestAt = time.Now()
	}
	if b.Release {
		r.storing = false
	}
	r.trim()
}

// renumber takes that somebody else has written to the channel, so that the IDs of what is
// not stored yet are too small.
func (r *Run) renumber(newest protocol.EntryID) {
	r.previous = newest
	r.bases = append(r.bases, base{r.stored, newest.Ms + 1})
	for n := r.stored; n < r.next; n++ {
		if rec := &r.records[n-r.first]; rec.frame != nil {
			rec.frame = r.frame(n, rec.fields)
		}
	}
	r.runs.warn("somebody else writes to the channel of a run: its events get other ids", r, nil)
}

// fenced takes that others go on: the lease had ended.
func (r *Run) fenced() {
	r.storing, r.endsAt = false, 0
	if r.start == (protocol.EntryID{}) {
		r.released = true
		r.stop()
		return
	}
	r.runs.warn("a run was taken for lost, since its gateway had said nothing of it for too long", r, nil)
	if !r.over {
		r.over, r.reason = true, protocol.EndLost
		r.ended()
	}
	r.trim()
}

// warn logs what is wrong with a run, at most once a minute.
func (rs *Runs) warn(what string, r *Run, err error) {
	if errors.Is(err, context.Canceled) {
		return
	}
	rs.failed.Do(func(suppressed int) {
		rs.log().Warn(what, zap.String("channel", r.Channel), zap.String("run", r.Token), zap.Int("others_meanwhile", suppressed), zap.Error(err))
	})
}
