package hub

import (
	"slices"

	"github.com/caddy-sse/caddy-sse/internal/eventstream"
)

// A log is what a channel remembers of what it heard: everything that came after
// its start, in order.
type log struct {
	start     position
	startHash string // of the event at the start, in a channel without history
	// before says what those have missed who were before the start of a channel
	// without history.
	before eventstream.Reason

	recent []*moment
	bytes  int // of recent
	life   int // counts the resets
}

// reset begins anew: what was before the start is forgotten.
func (l *log) reset(start position, before eventstream.Reason) {
	for _, m := range l.recent {
		m.channel.hub.memory.remove(m)
	}
	*l = log{start: start, before: before, life: l.life + 1}
}

// head is the position of the newest event.
func (l *log) head() position {
	if n := len(l.recent); n > 0 {
		return l.recent[n-1].at
	}
	return l.start
}

func (l *log) len() int { return len(l.recent) }

func (l *log) at(i int) *moment { return l.recent[i] }

// after is the index of the first event after p, and whether p is one itself.
func (l *log) after(p position) (i int, isEvent bool) { return eventsAfter(l.recent, p) }

func eventsAfter(events []*moment, p position) (i int, isEvent bool) {
	i, isEvent = slices.BinarySearchFunc(events, p, func(m *moment, p position) int { return m.at.Compare(p) })
	if isEvent {
		i++
	}
	return i, isEvent
}

// add appends an event that was heard.
func (l *log) add(m *moment) {
	l.recent = append(l.recent, m)
	l.bytes += m.size
	m.channel.hub.memory.add(m)
}

// shift forgets the oldest event, and returns it.
func (l *log) shift() *moment {
	m := l.recent[0]
	l.recent[0] = nil
	l.recent = l.recent[1:]
	l.bytes -= m.size
	m.channel.hub.memory.remove(m)
	l.start, l.startHash, l.before = m.at, m.hash, ""
	if !m.channel.history {
		l.before = eventstream.Overflow
	}
	return m
}
