package torture

import (
	"slices"
	"sync"

	"github.com/caddy-sse/caddy-sse/internal/protocol"
)

// A ledger has what was written to each channel, where Redis may lose what it has
// confirmed. Elsewhere it has nothing.
type ledger struct {
	mu       sync.Mutex
	channels map[string]*account // nil: nothing is taken down
}

// An account is what was written to one channel.
type account struct {
	tried     map[uint64]bool // hashes of data
	confirmed []entry
}

func newLedger(p place) *ledger {
	l := &ledger{}
	if p.mayLose() {
		l.channels = make(map[string]*account)
	}
	return l
}

// begin takes down what is to be written.
func (l *ledger) begin(channel string, texts []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.channels == nil {
		return
	}
	a := l.channels[channel]
	if a == nil {
		a = &account{tried: make(map[uint64]bool)}
		l.channels[channel] = a
	}
	for _, text := range texts {
		a.tried[asWritten(protocol.EntryID{}, text).data] = true
	}
}

// confirm takes down the IDs, where they are not empty.
func (l *ledger) confirm(channel string, texts, ids []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.channels[channel]
	if a == nil {
		return
	}
	for i, text := range ids {
		if id, ok := protocol.ParseEntryID(text); ok {
			a.confirmed = append(a.confirmed, asWritten(id, texts[i]))
		}
	}
}

// asWritten is the entry of a text, as a client gets it.
func asWritten(id protocol.EntryID, text string) entry {
	return newEntry(id, []byte(asReceived.Replace(text)))
}

// A truth is what a history holds in the end, and what is known of it besides.
type truth struct {
	entries []entry
	// written says whether somebody has written that data; nil: all that is not in
	// entries was never written.
	written func(data uint64) bool
	// vanished are how many entries were confirmed, and are gone.
	vanished int
}

// isGone reports whether the entry that came was written, and is none of the entries, where
// its ID has, or would have, the number n.
func (tr *truth) isGone(n int, isThere bool, e entry) bool {
	return tr.written != nil && tr.written(e.data) && (!isThere || tr.entries[n].data != e.data)
}

func (l *ledger) truth(channel string, entries []entry) *truth {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.channels[channel]
	if a == nil {
		return &truth{entries: entries}
	}
	tr := &truth{entries: entries, written: func(data uint64) bool { return a.tried[data] }}
	for _, e := range a.confirmed {
		if n, ok := slices.BinarySearchFunc(entries, e.id, byID); !ok || entries[n].data != e.data {
			tr.vanished++
		}
	}
	return tr
}
