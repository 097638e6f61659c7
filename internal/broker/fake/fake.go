// Package fake is a broker in memory, for tests: a [broker.Subscriber] with
// [broker.Histories] that does nothing by itself, and fails as it is told to.
package fake

import (
	"context"
	"slices"
	"sync"

	"github.com/caddy-sse/caddy-sse/internal/broker"
	"github.com/caddy-sse/caddy-sse/internal/protocol"
)

// A Broker is one. It is safe for concurrent use. What its listener and its watchers
// are told, they are told by the goroutine of the test, before a call of it returns.
type Broker struct {
	mu        sync.Mutex
	listener  broker.Listener
	isAway    bool
	counts    bool
	channels  map[string]bool // true: the listener was told
	watchers  map[string]broker.Watcher
	histories map[string]*history
	readError error
	backError error
	held      chan struct{} // reads wait for it to be closed; nil: they do not
}

// A history is what Redis would have of it.
type history struct {
	entries    []protocol.Entry
	top        protocol.EntryID
	added      int64
	maxDeleted protocol.EntryID
}

// New makes a broker without histories, of which the listener is told nothing until
// Connect.
func New() *Broker {
	return &Broker{
		isAway: true, channels: make(map[string]bool), watchers: make(map[string]broker.Watcher), histories: make(map[string]*history),
	}
}

// Start implements [broker.Subscriber].
func (b *Broker) Start(l broker.Listener) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.listener = l
}

// Close implements [broker.Subscriber].
func (b *Broker) Close() {}

// Listen implements [broker.Subscriber].
func (b *Broker) Listen(channel string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.channels[channel] = false
}

// Forget implements [broker.Subscriber].
func (b *Broker) Forget(channel string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.channels, channel)
}

// Connect tells the listener that everything is received that it listens to.
func (b *Broker) Connect() {
	b.mu.Lock()
	wasAway := b.isAway
	b.isAway = false
	var fresh []string
	for channel, isTold := range b.channels {
		if !isTold {
			fresh = append(fresh, channel)
			b.channels[channel] = true
		}
	}
	b.mu.Unlock()
	if wasAway {
		b.listener.Connected()
	}
	for _, channel := range fresh {
		b.listener.Subscribed(channel)
	}
}

// Disconnect tells the listener that nothing is received any more.
func (b *Broker) Disconnect() {
	b.mu.Lock()
	b.isAway = true
	for channel := range b.channels {
		b.channels[channel] = false
	}
	b.mu.Unlock()
	b.listener.Disconnected()
}

// Publish publishes a payload, which is received if the listener was told that the
// channel is.
func (b *Broker) Publish(channel, payload string) {
	b.mu.Lock()
	isReceived := b.channels[channel]
	b.mu.Unlock()
	if isReceived {
		b.listener.Message(channel, payload)
	}
}

// Add adds entries to the channel's history, each of that many milliseconds, with the
// field data. The watcher is told unless the broker is away.
func (b *Broker) Add(channel string, ms ...uint64) {
	for _, at := range ms {
		b.mu.Lock()
		h := b.histories[channel]
		if h == nil {
			h = new(history)
			b.histories[channel] = h
		}
		h.top = protocol.EntryID{Ms: at}
		h.entries = append(h.entries, protocol.Entry{ID: h.top, Fields: []string{"data", "x"}})
		h.added++
		w := b.told(channel)
		b.mu.Unlock()
		if w != nil {
			w.Added()
		}
	}
}

// Trim removes the oldest entries, so that n stay.
func (b *Broker) Trim(channel string, n int) {
	b.change(channel, func(h *history) { h.entries = h.entries[len(h.entries)-n:] })
}

// Delete removes single entries.
func (b *Broker) Delete(channel string, ms ...uint64) {
	b.change(channel, func(h *history) {
		h.entries = slices.DeleteFunc(slices.Clone(h.entries), func(e protocol.Entry) bool { return slices.Contains(ms, e.ID.Ms) })
		h.maxDeleted = protocol.EntryID{Ms: slices.Max(ms)}
	})
}

// Remove removes the whole history.
func (b *Broker) Remove(channel string) {
	b.change(channel, func(*history) { delete(b.histories, channel) })
}

func (b *Broker) change(channel string, do func(*history)) {
	b.mu.Lock()
	do(b.histories[channel])
	w := b.told(channel)
	b.mu.Unlock()
	if w != nil {
		w.Changed()
	}
}

// told is the watcher that is told of a history; nil: nobody is.
func (b *Broker) told(channel string) broker.Watcher {
	if b.isAway || !b.counts {
		return nil
	}
	return b.watchers[channel]
}

// Notify says whether watchers are told what happens to histories.
func (b *Broker) Notify(counts bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.counts = counts
}

// FailReads has reads of histories fail; nil: they do not.
func (b *Broker) FailReads(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.readError = err
}

// FailBack has going back fail; nil: it does not.
func (b *Broker) FailBack(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.backError = err
}

// Hold has reads take until release is called, or their time is over.
func (b *Broker) Hold() (release func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	held := make(chan struct{})
	b.held = held
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.held = nil
		close(held)
	}
}

// Read implements [broker.Histories].
func (b *Broker) Read(ctx context.Context, reads []broker.Read, _ bool) []broker.Snapshot {
	b.mu.Lock()
	held := b.held
	b.mu.Unlock()
	var late error
	if held != nil {
		select {
		case <-held:
		case <-ctx.Done():
			late = ctx.Err()
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	snapshots := make([]broker.Snapshot, len(reads))
	for i, r := range reads {
		switch {
		case late != nil:
			snapshots[i].Err = late
		case b.readError != nil:
			snapshots[i].Err = b.readError
		default:
			snapshots[i] = b.read(r)
		}
	}
	return snapshots
}

func (b *Broker) read(r broker.Read) (snap broker.Snapshot) {
	info := b.info(r.Channel)
	if r.InfoBefore {
		snap.Before = info
	}
	if r.InfoAfter {
		snap.Info = info
	}
	if h := b.histories[r.Channel]; h != nil && r.Count > 0 {
		for _, e := range h.entries {
			isAfter := e.ID.Compare(r.From) > 0 || e.ID == r.From && !r.After
			if isAfter && (r.Before == (protocol.EntryID{}) || e.ID.Compare(r.Before) < 0) {
				snap.Entries = append(snap.Entries, e)
			}
		}
	}
	if n := len(snap.Entries); n >= r.Count {
		snap.IsFull = r.Count > 0
		if r.Newest {
			snap.Entries = snap.Entries[n-r.Count:]
		} else {
			snap.Entries = snap.Entries[:r.Count]
		}
	}
	return snap
}

func (b *Broker) info(channel string) *broker.Info {
	h := b.histories[channel]
	if h == nil {
		return new(broker.Info)
	}
	i := &broker.Info{Length: int64(len(h.entries)), Top: h.top, Added: h.added, MaxDeleted: h.maxDeleted}
	if n := len(h.entries); n > 0 {
		i.First, i.TopIsThere = h.entries[0].ID, h.entries[n-1].ID == h.top
		i.EntrySize = int64(broker.SizeOf(h.entries[0]))
	}
	return i
}

// Length implements [broker.Histories].
func (b *Broker) Length(_ context.Context, channel string) (int64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.info(channel).Length, b.readError
}

// Back implements [broker.Histories].
func (b *Broker) Back(_ context.Context, channel string, before protocol.EntryID, n int) (to protocol.EntryID, left int, isStart bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.backError != nil {
		return before, n, false, b.backError
	}
	found := b.read(broker.Read{Channel: channel, Before: before, Count: n, Newest: true}).Entries
	if len(found) == 0 {
		return before, n, true, nil
	}
	return found[0].ID, n - len(found), len(found) < n, nil
}

// Watch implements [broker.Histories].
func (b *Broker) Watch(channel string, w broker.Watcher) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.watchers[channel] = w
}

// Unwatch implements [broker.Histories].
func (b *Broker) Unwatch(channel string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.watchers, channel)
}

// Covers implements [broker.Histories].
func (b *Broker) Covers(string) bool { return b.Counts() }

// Counts implements [broker.Histories].
func (b *Broker) Counts() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.counts
}
