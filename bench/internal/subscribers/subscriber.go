//go:build linux

package subscribers

import (
	"bytes"

	"github.com/caddy-sse/caddy-sse/bench/internal/stamp"
)

// A subscriber counts what it is sent. It belongs to its worker.
type subscriber struct {
	worker  *worker // nil until the connection is open
	channel uint32
	of      uint32 // how many channels there are

	carry []byte        // the begin of a stamp that a read has cut
	phase uint8         // what the following are of
	next  uint32        // the number of the message that has to come
	count uint32        // how many messages there were, each counted once
	early []stamp.Stamp // what came before the worker did
	gaps  uint64        // reads in which one was told of
}

func (s *subscriber) channelName() string { return Channel(int(s.channel)) }

// read takes a piece of the body.
func (s *subscriber) read(b []byte) {
	if len(s.carry) > 0 {
		b = append(s.carry, b...)
	}
	if bytes.Contains(b, gap) {
		s.gaps++
	}
	for {
		message, rest, ok := stamp.Find(b)
		if !ok {
			s.carry = append(s.carry[:0], rest...)
			return
		}
		s.receive(message)
		b = rest
	}
}

// receive counts a message. Those of a channel have every of-th number, and are
// to come in order, none twice.
func (s *subscriber) receive(m stamp.Stamp) {
	w := s.worker
	if w == nil {
		s.early = append(s.early, m)
		return
	}
	if m.Phase != w.phase {
		return // it belongs to what has been measured before
	}
	if s.phase != w.phase {
		s.phase, s.next, s.count = w.phase, s.channel, 0
	}
	if m.Number < s.next {
		w.repeated++
		return
	}
	s.next = m.Number + s.of
	s.count++
	w.received++
	w.last = w.now
	w.latency.add(w.now - m.Sent)
}

// gap is in an event by which this gateway says that others may be missing.
var gap = []byte("event: sse.gap")

// assign gives the subscriber to its worker, with what has come before.
func (s *subscriber) assign(w *worker) {
	s.worker = w
	for _, m := range s.early {
		s.receive(m)
	}
	s.early = nil
}

// missing is how many of so many messages published in the phase never came.
func (s *subscriber) missing(phase uint8, published int) int {
	expected := 0
	if of := int(s.of); published > int(s.channel) {
		expected = (published - int(s.channel) + of - 1) / of
	}
	if s.phase == phase {
		expected -= int(s.count)
	}
	return expected
}
