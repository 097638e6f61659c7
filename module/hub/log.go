package hub

import (
	"slices"

	"github.com/caddy-sse/caddy-sse/module/eventstream"
)

// A log is what a channel remembers: everything that came after its start, in
// order.
type log struct {
	start     position
	startHash string // of the event at the start, in a channel without history
	// lost says why the start itself cannot be vouched for; empty if it can:
	// whoever has had the event there has missed nothing but what is here.
	lost eventstream.Reason
	// before says what those have missed who were before the start. Empty: the
	// history may have it. Overflow holds for those who want at most so many.
	before eventstream.Reason
	most   int

	past   []*moment // read from the history for those who come back
	recent []*moment // heard
	bytes  int       // of recent
	life   int       // counts the starts anew
}

// reset begins anew: what was before the start is forgotten.
func (l *log) reset(start position, before eventstream.Reason) {
	for _, m := range l.recent {
		m.channel.hub.memory.remove(m)
	}
	l.dropPast()
	*l = log{start: start, before: before, life: l.life + 1}
}

// head is the position of the newest event.
func (l *log) head() position {
	if n := len(l.recent); n > 0 {
		return l.recent[n-1].at
	}
	if n := len(l.past); n > 0 {
		return l.past[n-1].at
	}
	return l.start
}

func (l *log) len() int { return len(l.past) + len(l.recent) }

func (l *log) at(i int) *moment {
	if i < len(l.past) {
		return l.past[i]
	}
	return l.recent[i-len(l.past)]
}

// after is the index of the first event after p, and whether p is one itself.
func (l *log) after(p position) (i int, isEvent bool) {
	find := func(moments []*moment) (int, bool) {
		return slices.BinarySearchFunc(moments, p, func(m *moment, p position) int { return m.at.Compare(p) })
	}
	if n := len(l.past); n > 0 && p.Compare(l.past[n-1].at) <= 0 {
		i, isEvent = find(l.past)
	} else {
		i, isEvent = find(l.recent)
		i += n
	}
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

// shift forgets the oldest recent event, or, if keep, counts it to the past.
func (l *log) shift(keep bool) {
	m := l.recent[0]
	l.recent[0] = nil
	l.recent = l.recent[1:]
	l.bytes -= m.size
	m.channel.hub.memory.remove(m)
	if keep || len(l.past) > 0 {
		l.past = append(l.past, m)
		m.channel.hub.memory.bytes += m.size
	} else {
		l.startAt(m)
	}
}

// shiftPast forgets the oldest event of the past.
func (l *log) shiftPast() {
	m := l.past[0]
	l.past[0] = nil
	l.past = l.past[1:]
	m.channel.hub.memory.bytes -= m.size
	l.startAt(m)
}

func (l *log) startAt(m *moment) {
	l.start, l.startHash, l.lost, l.before = m.at, m.hash, "", ""
	if !m.channel.history {
		l.before = eventstream.Overflow
	}
}

// forgetPast keeps only what is recent.
func (l *log) forgetPast() {
	if n := len(l.past); n > 0 {
		last := l.past[n-1]
		l.dropPast()
		l.startAt(last)
	} else {
		l.before = ""
	}
}

func (l *log) dropPast() {
	for _, m := range l.past {
		m.channel.hub.memory.bytes -= m.size
	}
	l.past = nil
}
