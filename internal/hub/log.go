package hub

import (
	"slices"

	"github.com/caddy-sse/caddy-sse/internal/protocol"
)

// A log is what a channel remembers of what it received: everything that came after
// its start, in order.
type log struct {
	start     position
	startHash string // of the event at the start, in a channel without history
	// gapBefore says what those have missed who were before the start of a channel
	// without history.
	gapBefore protocol.Reason

	recent     []*record
	bytes      int // of recent
	generation int // counts the resets
}

// reset begins again: what was before the start is forgotten.
func (l *log) reset(start position, before protocol.Reason) {
	for _, r := range l.recent {
		r.channel.hub.memory.remove(r)
	}
	*l = log{start: start, gapBefore: before, generation: l.generation + 1}
}

// head is the position of the newest event.
func (l *log) head() position {
	if n := len(l.recent); n > 0 {
		return l.recent[n-1].at
	}
	return l.start
}

func (l *log) len() int { return len(l.recent) }

func (l *log) at(i int) *record { return l.recent[i] }

// after is the index of the first event after p, and whether p is one itself.
func (l *log) after(p position) (i int, isEvent bool) { return eventsAfter(l.recent, p) }

func eventsAfter(events []*record, p position) (i int, isEvent bool) {
	i, isEvent = slices.BinarySearchFunc(events, p, func(r *record, p position) int { return r.at.Compare(p) })
	if isEvent {
		i++
	}
	return i, isEvent
}

// add appends an event that was received.
func (l *log) add(r *record) {
	l.recent = append(l.recent, r)
	l.bytes += r.size
	r.channel.hub.memory.add(r)
}

// shift forgets the oldest event, and returns it.
func (l *log) shift() *record {
	r := l.recent[0]
	l.recent[0] = nil
	l.recent = l.recent[1:]
	l.bytes -= r.size
	r.channel.hub.memory.remove(r)
	l.start, l.startHash, l.gapBefore = r.at, r.hash, ""
	if !r.channel.history {
		l.gapBefore = protocol.Overflow
	}
	return r
}
