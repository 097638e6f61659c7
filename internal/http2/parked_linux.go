package http2

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"
)

// errNoServer is for a connection that cannot be parked, and has no server.
var errNoServer = errors.New("http2: no server has the connection")

// parkedFrames is how many frames of one client are read before it is others' turn.
const parkedFrames = 64

// A budget is for how many frames a parked client may send that have us answer, or do
// nothing.
type budget struct {
	left int
	at   time.Time // when it was counted
}

const (
	largestBudget  = 4000
	budgetASecond  = 400
	noBudgetYet    = 0
	budgetInterval = time.Second / budgetASecond
)

// spend is false if nothing is left.
func (b *budget) spend() bool {
	if b.left == noBudgetYet {
		now := time.Now()
		more := int(min(now.Sub(b.at)/budgetInterval, largestBudget))
		if more <= 0 {
			return false
		}
		b.left, b.at = more, now
	}
	b.left--
	return true
}

// noteEvents reads what a parked client says, unless somebody does already, who then goes
// on. It reports whether there may be more.
func (s *Session) noteEvents() (more bool) {
	s.events.Store(true)
	for s.events.Load() && s.reading.TryLock() {
		s.events.Store(false)
		more = s.readParked()
		s.reading.Unlock()
	}
	return more
}

// readEvents reads all that a parked client has said.
func (s *Session) readEvents() {
	for s.noteEvents() { //nolint:revive // it is done in the condition
	}
}

// readParked reads some frames, and answers them. It reports whether there may be more.
func (s *Session) readParked() (more bool) {
	for range parkedFrames {
		s.mu.Lock()
		isParked := s.served == nil && s.failed == nil
		s.unlock()
		if !isParked {
			return false
		}
		err := s.readParkedFrame()
		if isTimeout(err) {
			s.dropInput()
			return false
		}
		if err != nil {
			s.mu.Lock()
			s.fail(err)
			s.unlock()
			return false
		}
	}
	return true
}

var discarded = sync.Pool{New: func() any { return new([2048]byte) }}

// readParkedFrame reads a frame, or something of a payload that nobody gets.
func (s *Session) readParkedFrame() error {
	if s.in.rest > 0 {
		to := discarded.Get().(*[2048]byte)
		defer discarded.Put(to)
		n, err := s.conn.Read(to[:min(len(to), s.in.rest)])
		s.in.rest -= n
		return err
	}
	if err := s.fill(headLen); err != nil {
		return err
	}
	h := parseHead(s.in.buf)
	s.mu.Lock()
	if !s.leaving && !s.isAnswered(h) {
		s.unpark()
		s.unlock()
		return nil
	}
	s.unlock()
	if code := h.check(); code != codeNo {
		return s.giveUp(code)
	}
	known := 0
	switch {
	case h.isToBeKnown() || h.kind == typePing:
		known = h.length
	case h.kind == typeData && h.has(flagPadded):
		known = min(1, h.length)
	}
	if err := s.fill(headLen + known); err != nil {
		return err
	}
	s.mu.Lock()
	code := s.answer(h, s.in.buf[headLen:])
	s.unlock()
	s.in.rest, s.in.buf = h.length-known, s.in.buf[:0]
	if code != codeNo {
		return s.giveUp(code)
	}
	return nil
}

// isAnswered reports whether no server is needed for a frame.
func (s *Session) isAnswered(h head) bool {
	isOld := h.stream%2 == 1 && h.stream <= s.newest
	switch h.kind {
	case typePing, typeSettings, typeGoAway:
		return true
	case typeWindowUpdate:
		return h.stream == 0 || isOld
	case typeData, typeRSTStream:
		return isOld
	case typePriorityUpdate:
		return false
	}
	return h.kind > typeContinuation
}

// check returns what is wrong with a frame that comes when there is no server.
func (h head) check() uint32 {
	var ok bool
	switch h.kind {
	case typePing:
		ok = h.length == 8
	case typeWindowUpdate, typeRSTStream:
		ok = h.length == 4
	case typeGoAway:
		ok = h.length >= 8 && h.length <= largestRead
	case typeSettings:
		ok = h.length%6 == 0 && h.length <= smallestFrameSize && (h.length == 0 || !h.has(flagAck))
	default:
		ok = h.length <= largestRead
	}
	if !ok {
		return codeFrameSize
	}
	isOfConnection := h.kind == typePing || h.kind == typeSettings || h.kind == typeGoAway
	if h.kind != typeWindowUpdate && h.kind <= typeContinuation && isOfConnection != (h.stream == 0) {
		return codeProtocol
	}
	return codeNo
}

// answer does what the server would. It returns what is wrong with the frame. For a client
// that does not read the answers these wait as ciphertext, which has a bound.
func (s *Session) answer(h head, payload []byte) (code uint32) {
	if h.kind != typeWindowUpdate && (h.kind != typeData || h.length == 0) && !s.parking.budget.spend() {
		return codeCalm
	}
	switch h.kind {
	case typePing:
		if !h.has(flagAck) {
			s.appendReady(head{length: 8, kind: typePing, flags: flagAck}.append(nil))
			s.appendReady(payload)
		}
	case typeSettings:
		code = s.answerSettings(h, payload)
	case typeData:
		code = s.noteOldData(h, payload)
	case typeRSTStream:
		s.notePayload(h, payload)
	case typeWindowUpdate:
		code = s.answerWindow(h, payload)
	case typeGoAway:
		if !s.leaving {
			s.sayGoAway()
			s.noteNoStreams()
		}
	}
	return code
}

func (s *Session) answerSettings(h head, payload []byte) (code uint32) {
	if h.has(flagAck) {
		if s.acks == 0 {
			return codeProtocol
		}
		s.acks--
		return codeNo
	}
	s.noteSettings(payload)
	for ; len(payload) > 0; payload = payload[6:] {
		value := binary.BigEndian.Uint32(payload[2:])
		switch binary.BigEndian.Uint16(payload) {
		case settingEnablePush, settingEnableConnect:
			if value > 1 {
				return codeProtocol
			}
		case settingInitialWindowSize:
			if value > largestWindow {
				return codeFlowControl
			}
		case settingMaxFrameSize:
			if value < smallestFrameSize || value >= 1<<24 {
				return codeProtocol
			}
		}
	}
	s.appendReady(head{kind: typeSettings, flags: flagAck}.append(nil))
	return codeNo
}

func (s *Session) answerWindow(h head, payload []byte) (code uint32) {
	n := int64(binary.BigEndian.Uint32(payload) & largestWindow)
	switch {
	case n == 0 && h.stream == 0:
		return codeProtocol
	case h.stream == 0 && s.ledger.window+n > largestWindow:
		return codeFlowControl
	case n == 0:
		if st := s.streams[h.stream]; st != nil && st.taken != nil {
			s.reset(h.stream, st, codeProtocol)
		}
	default:
		s.notePayload(h, payload)
	}
	return codeNo
}

// giveUp says what is wrong with what the client sends.
func (s *Session) giveUp(code uint32) error {
	s.mu.Lock()
	defer s.unlock()
	s.appendReady(appendGoAway(nil, s.newest, code))
	s.sealReady()
	err := fmt.Errorf("http2: the client sends what it must not (code %d)", code)
	s.fail(err)
	return err
}
