package http2

import (
	"encoding/binary"
	"net"
)

// outbound is where the server is in the frames that it writes.
type outbound struct {
	held    [headLen + largestHeld]byte // of a frame that it is not decided about; nothing of it is out
	have    int                         // bytes in held
	need    int                         // bytes that have to be there; zero: a head
	rest    int                         // bytes of a payload that are still to come
	drop    bool                        // and that the client does not get
	inBlock bool                        // frames of a header block must follow each other (RFC 9113, section 6.10)
}

// largestHeld is how much of a payload is held at most: of a marker, or of SETTINGS, of
// which Go's server says seven.
const largestHeld = 12 * 6

// isBoundary reports whether another frame can be put in between.
func (o *outbound) isBoundary() bool { return (o.rest == 0 || o.drop) && !o.inBlock }

// begin begins a payload.
func (o *outbound) begin(h head, drop bool) {
	o.rest, o.drop = h.length, drop
	switch h.kind {
	case typeHeaders, typePushPromise, typeContinuation:
		o.inBlock = !h.has(flagEndHeaders)
	}
}

// A verdict is what becomes of a frame of the server's.
type verdict int

const (
	passes   verdict = iota
	drops            // the client does not get it
	waits            // the client does not take it yet
	collects         // its payload decides
)

// largestForward is for how many bytes the session is not given back.
const largestForward = 64 << 10

// writeFor writes what the server says. It returns when the socket has taken all.
func (s *Session) writeFor(v *service, p []byte) (int, error) {
	written := 0
	for isOver := len(p) == 0; !isOver; {
		s.mu.Lock()
		n, mustWait := 0, true
		isServed := func() bool { return s.served == v && !v.ended }
		if isServed() {
			n, mustWait = s.forward(p[:min(len(p), largestForward)])
		}
		for mustWait && s.failed == nil && isServed() {
			s.unlockAndAwaitChange()
			if !isServed() {
				break
			}
			var more int
			more, mustWait = s.forward(p[n:min(len(p), largestForward)])
			n += more
		}
		err := s.failed
		if !isServed() && err == nil {
			err = net.ErrClosed
		}
		// It is the server that waits for the socket, not a goroutine more.
		s.sealReady()
		canWrite := s.canWrite()
		s.mu.Unlock()
		if err != nil {
			return written, err
		}
		if canWrite {
			s.wake()
		}
		if err := s.drainForServer(); err != nil {
			return written, err
		}
		written += n
		p = p[n:]
		isOver = len(p) == 0
	}
	return written, nil
}

// unlockAndAwaitChange gives the session back until the client takes more.
func (s *Session) unlockAndAwaitChange() {
	s.sealReady()
	if s.canWrite() {
		s.wake()
	}
	if s.layer.beginDraining() {
		go s.drain()
	}
	s.changed.Wait()
}

func (s *Session) drainForServer() error {
	if waiting, err := s.layer.state(); waiting == 0 {
		return err
	}
	err := s.layer.drain()
	if err != nil || s.waiting.Load() {
		s.mu.Lock()
		if err != nil {
			s.fail(err)
		}
		s.unlock()
	}
	return err
}

// forward hands on what the server writes: as it is, but for frames of taken streams. It
// returns how much it has done, and whether what comes next has to wait for the client.
func (s *Session) forward(p []byte) (n int, mustWait bool) {
	o := &s.out
	s.sealReady()
	from := 0 // p[from:n] is still to be sealed
	defer func() { s.seal(p[from:n]) }()
	for s.failed == nil {
		switch {
		case o.rest > 0:
			some := min(o.rest, len(p)-n)
			if some == 0 {
				return n, false
			}
			o.rest -= some
			if n += some; o.drop {
				from = n // what comes before has been sealed when it began to be dropped
			}
		case o.have == 0 && len(p)-n >= headLen:
			h := parseHead(p[n:])
			switch s.judge(h) {
			case passes:
				n += headLen
				o.begin(h, false)
			case drops:
				s.seal(p[from:n])
				n += headLen
				from = n
				o.begin(h, true)
			case waits:
				return n, true
			case collects:
				s.seal(p[from:n])
				n += o.hold(p[n:])
				from = n
			}
		default:
			// A head in pieces, or a frame that is collected.
			if n == from {
				n += o.hold(p[n:])
				from = n
			} else {
				s.seal(p[from:n])
				from = n
				continue
			}
			if o.have < max(o.need, headLen) {
				return n, false
			}
			if !s.decide() {
				return n, true
			}
		}
	}
	return n, false
}

// hold keeps what is not decided about, as far as it is needed, and returns how much
// that is.
func (o *outbound) hold(p []byte) int {
	n := copy(o.held[o.have:max(o.need, headLen)], p)
	o.have += n
	return n
}

// decide decides about the frame that is held. It is false if that has to wait.
func (s *Session) decide() bool {
	o := &s.out
	h := parseHead(o.held[:])
	if o.need > headLen {
		return s.decideCollected(h)
	}
	switch s.judge(h) {
	case waits:
		return false
	case drops:
		o.begin(h, true)
	case passes:
		s.seal(o.held[:headLen])
		o.begin(h, false)
	case collects:
		return true // need is more now
	}
	o.have, o.need = 0, 0
	return true
}

func (s *Session) decideCollected(h head) bool {
	o := &s.out
	payload := o.held[headLen:o.need]
	passes := true
	switch h.kind {
	case typeGoAway:
		passes = s.noteGoAway(payload)
	case typeSettings:
		passes = s.noteSaid(payload)
	case typeWindowUpdate:
		passes = s.noteRoom(payload)
	default:
		if s.takeByMarker(h.stream, marker(payload)) {
			passes = false
		} else if !s.serverSends(h) {
			return false
		}
	}
	if passes {
		s.seal(o.held[:o.need])
	}
	rest := h.length - len(payload)
	o.have, o.need, o.rest, o.drop = 0, 0, rest, !passes
	return true
}

// noteGoAway follows that the server leaves. The client is not told if that is in order, and
// if only taken streams are open: it has other requests served by the server that comes
// next. It is false then.
func (s *Session) noteGoAway(payload []byte) bool {
	v := s.served
	last, isInOrder := binary.BigEndian.Uint32(payload), binary.BigEndian.Uint32(payload[4:]) == codeNo
	if isInOrder && s.taken > 0 && !s.clientLeaves && !s.leaving {
		v.ending, v.last = true, max(last, s.before)
		if !s.hasOther(v) {
			s.askToPark()
			return false
		}
		v.ending = false
	}
	s.leaving, s.inOrder, v.ending = true, isInOrder, false
	binary.BigEndian.PutUint32(payload, max(last, s.before))
	return true
}

// noteSaid takes the server's SETTINGS. It is false if the client knows them.
func (s *Session) noteSaid(payload []byte) bool {
	said := settings{}
	said.note(payload)
	isKnown := said == s.said && !s.served.isFirst
	s.served.hasSaid = true
	if s.said = said; isKnown {
		return false
	}
	s.acks++
	return true
}

// noteRoom takes what the server lets the client send. It may change it, and is false if
// the client knows of so much already.
func (s *Session) noteRoom(payload []byte) bool {
	v := s.served
	v.lead += int64(binary.BigEndian.Uint32(payload) & largestWindow)
	n := v.lead
	if n <= 0 {
		return false
	}
	v.lead = 0
	s.room.Add(n)
	binary.BigEndian.PutUint32(payload, uint32(n))
	return true
}

// judge judges a frame of the server's by its head, and follows what it changes.
func (s *Session) judge(h head) verdict {
	st := s.streams[h.stream]
	switch h.kind {
	case typeData:
		switch {
		case st != nil && st.taken != nil:
			s.ledger.dropped(int64(h.length))
			if h.has(flagEndStream) {
				s.serverIsDone(h.stream, st)
			}
			return drops
		case st == nil && h.length == 0 && s.unended.has(h.stream):
			return drops
		case st != nil && len(s.claims) > 0 && h.length == markerLen && h.flags == 0 && st.clientDone && !st.hasSent:
			s.out.need = headLen + markerLen
			return collects
		case !s.serverSends(h):
			return waits
		}
	case typeHeaders:
		if st != nil && h.has(flagEndStream) {
			s.end(h.stream, st)
			s.serverIsDone(h.stream, st)
		}
	case typeRSTStream:
		if st == nil {
			break
		}
		isTold := st.isReset
		s.end(h.stream, st)
		s.delete(h.stream)
		if isTold {
			return drops
		}
	case typeGoAway:
		if h.length >= 8 {
			s.out.need = headLen + 8
			return collects
		}
	case typePing:
		if h.has(flagAck) {
			s.served.owed--
		}
	case typeSettings:
		if h.has(flagAck) {
			return s.judgeAck()
		}
		if h.length > 0 && h.length <= largestHeld {
			s.out.need = headLen + h.length
			return collects
		}
		s.served.hasSaid = true
		s.acks++
	case typeWindowUpdate:
		if h.stream == 0 && h.length == 4 {
			s.out.need = headLen + h.length
			return collects
		}
	}
	return passes
}

// judgeAck judges the server's answer to SETTINGS, which may not be the client's own.
func (s *Session) judgeAck() verdict {
	v := s.served
	if v.owed--; v.unwanted > 0 {
		v.unwanted--
		return drops
	}
	return passes
}

// serverSends accounts for DATA. It is false if the client does not take it yet.
func (s *Session) serverSends(h head) bool {
	if !s.ledger.serverSends(int64(h.length)) {
		return false
	}
	if st := s.streams[h.stream]; st != nil {
		st.hasSent = st.hasSent || h.length > 0
		st.window -= int64(h.length)
		if h.has(flagEndStream) {
			s.serverIsDone(h.stream, st)
		}
	}
	return true
}

// serverIsDone is called when the server sends nothing more on a stream.
func (s *Session) serverIsDone(id uint32, st *stream) {
	st.serverDone = true
	isOver := st.clientDone
	if st.taken != nil {
		isOver = st.taken.over.Load()
	}
	if isOver {
		delete(s.streams, id)
	}
	s.noteActive()
}
