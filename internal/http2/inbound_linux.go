package http2

import (
	"errors"
	"io"
	"os"
	"time"
)

// inbound is what is read of the client, as far as the server has not got it.
type inbound struct {
	hasPreface bool
	buf        []byte // a head, and what of the payload has to be known
	ready      []byte // for the server: in buf, or instead of it
	rest       int    // bytes of a payload that are still to come
	skips      bool   // and that the server does not get
	isBlock    bool   // and that are of a header block
	block      headerBlock
}

// errNoHTTP2 is for a client that has chosen HTTP/2, and speaks something else.
var errNoHTTP2 = errors.New("http2: the client does not begin with the preface")

// readFor reads what the server gets.
func (s *Session) readFor(v *service, p []byte) (int, error) {
	if n := copy(p, v.unread); n > 0 {
		if v.unread = v.unread[n:]; len(v.unread) == 0 {
			v.unread = nil
		}
		return n, nil
	}
	for len(p) > 0 {
		if v.over.Load() {
			return 0, io.EOF
		}
		n, err := s.readSome(v, p)
		if err == errServerLeaves {
			if s.tryPark(v) || !s.isServedBy(v) {
				return 0, io.EOF
			}
			time.Sleep(parkRetry) // it still writes something
			continue
		}
		if isTimeout(err) && s.wantsPark.Load() {
			if s.tryPark(v) {
				return 0, io.EOF
			}
			err = nil
		}
		if n > 0 || err != nil {
			return n, s.noteReadError(v, err)
		}
	}
	return 0, nil
}

// isServedBy reports whether the server still has the connection.
func (s *Session) isServedBy(v *service) bool {
	s.mu.Lock()
	defer s.unlock()
	return s.served == v && !v.ended && s.failed == nil
}

// readSome reads something. It may be that the server gets nothing of that.
func (s *Session) readSome(v *service, p []byte) (int, error) {
	in := &s.in
	if n := copy(p, in.ready); n > 0 {
		in.ready = in.ready[n:]
		return n, nil
	}
	if in.rest > 0 {
		n, err := s.conn.Read(p[:min(len(p), in.rest)])
		in.rest -= n
		if in.isBlock {
			in.block.note(p[:n])
		}
		if in.rest == 0 && in.isBlock {
			s.endBlock(v)
		}
		if in.skips {
			n = 0
		}
		return n, err
	}
	if s.wantsPark.Load() && s.tryPark(v) {
		return 0, io.EOF
	}
	return 0, s.readFrame(v)
}

// isTimeout reports whether there was only nothing to read. The kernel's own timeout is
// the end of the connection.
func isTimeout(err error) bool {
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, errNothing{})
}

// noteReadError ends the taken streams of a client that has left, without waiting for the
// server to say so.
func (s *Session) noteReadError(v *service, err error) error {
	if err == nil || isTimeout(err) || v.over.Load() {
		return err // the server's own deadline, or it has left
	}
	s.mu.Lock()
	defer s.unlock()
	if s.taken > 0 && s.served == v || err == errNoHTTP2 {
		s.fail(err)
	}
	return err
}

// fill reads until there are n bytes of the frame. It may be called again after an error
// that passes.
func (s *Session) fill(n int) error {
	if cap(s.in.buf) < n {
		s.in.buf = append(make([]byte, 0, n), s.in.buf...)
	}
	for have := len(s.in.buf); have < n; have = len(s.in.buf) {
		some, err := s.conn.Read(s.in.buf[have:n])
		s.in.buf = s.in.buf[:have+some]
		if err != nil && have+some < n {
			return err
		}
	}
	return nil
}

// readFrame reads the head of the next frame, and its payload if that has to be known,
// and decides what the server gets of it.
func (s *Session) readFrame(v *service) error {
	if !s.in.hasPreface {
		if err := s.fill(len(preface)); err != nil {
			return err
		}
		if string(s.in.buf) != preface {
			return errNoHTTP2
		}
		s.in.hasPreface = true
		s.pass()
		return nil
	}
	if len(s.in.buf) == 0 && cap(s.in.buf) > keepInput {
		s.in.buf = nil
	}
	if err := s.fill(headLen); err != nil {
		return err
	}
	h := parseHead(s.in.buf)
	s.noteFault(v, h)
	block := &s.in.block
	if block.isOpen && !v.isFirst && (h.kind != typeContinuation || h.stream != block.stream) {
		s.provoke(codeProtocol, 0, h.length)
		return nil
	}
	isOld := h.stream != 0 && !v.isFirst && s.isOld(h.stream)
	switch {
	case h.length > largestRead: // the server says so
	case h.kind == typeHeaders && !block.isOpen, h.kind == typeContinuation && block.isOpen && h.stream == block.stream:
		return s.readBlock(v, h, isOld)
	case h.isToBeKnown():
		return s.readKnown(h, isOld)
	case h.kind == typeData && isOld:
		return s.readOldData(h)
	}
	if !s.noteHead(v, h) {
		s.in.rest, s.in.skips, s.in.isBlock, s.in.buf = h.length, true, false, s.in.buf[:0]
		return nil
	}
	s.in.rest, s.in.skips, s.in.isBlock = h.length, false, false
	s.pass()
	return nil
}

// noteFault keeps the server for as long as it takes to end the connection for what the
// client has sent: a frame that nobody may send, or of a stream that has not begun.
func (s *Session) noteFault(v *service, h head) {
	isOfStream := h.kind == typeData || h.kind == typeRSTStream || h.kind == typeWindowUpdate && h.stream != 0
	if h.check() == codeNo && (!isOfStream || h.stream%2 == 1 && h.stream <= s.newest) {
		return // newest is written only by who reads
	}
	s.mu.Lock()
	v.faulty = true
	s.unlock()
}

// isOld reports whether a stream was the client's before the connection was last parked.
func (s *Session) isOld(id uint32) bool {
	s.mu.Lock()
	defer s.unlock()
	return id%2 == 1 && id <= s.before
}

// readKnown reads a frame whose payload has to be known.
func (s *Session) readKnown(h head, isOld bool) error {
	if err := s.fill(headLen + h.length); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.unlock()
	if isOld && h.kind == typeWindowUpdate {
		_ = s.answerWindow(h, s.in.buf[headLen:]) // one of a stream
		s.in.buf = s.in.buf[:0]
		return nil
	}
	if s.notePayload(h, s.in.buf[headLen:]) && !isOld {
		s.pass()
	} else if len(s.in.ready) == 0 {
		s.in.buf = s.in.buf[:0]
	}
	return nil
}

// readOldData reads DATA of a stream that the server does not know.
func (s *Session) readOldData(h head) error {
	if h.has(flagPadded) {
		if err := s.fill(headLen + min(1, h.length)); err != nil {
			return err
		}
	}
	s.mu.Lock()
	code := s.noteOldData(h, s.in.buf[headLen:])
	s.unlock()
	rest := h.length - (len(s.in.buf) - headLen)
	if code != codeNo {
		s.provoke(code, 0, rest)
		return nil
	}
	s.in.rest, s.in.skips, s.in.isBlock, s.in.buf = rest, true, false, s.in.buf[:0]
	return nil
}

// noteOldData gives the window of DATA back that nobody gets. It returns what is wrong
// with it.
func (s *Session) noteOldData(h head, payload []byte) (code uint32) {
	if h.has(flagPadded) && (len(payload) == 0 || int(payload[0]) >= h.length) {
		return codeProtocol
	}
	if h.length > 0 {
		s.appendReady(appendFrame(nil, typeWindowUpdate, 0, uint32(h.length)))
	}
	if st := s.streams[h.stream]; st != nil && st.taken != nil && !st.isReset {
		s.reset(h.stream, st, codeClosed)
	}
	return codeNo
}

// readBlock begins to read a frame of a header block.
func (s *Session) readBlock(v *service, h head, isOld bool) error {
	if h.kind == typeHeaders && !isOld && !s.noteHead(v, h) {
		return errServerLeaves // the frame is for the next one
	}
	s.mu.Lock()
	said := s.said
	st := s.streams[h.stream]
	isWrong := isOld && st != nil && st.taken != nil
	s.unlock()
	if isWrong {
		s.provoke(codeProtocol, 0, h.length)
		return nil
	}
	s.in.block.begin(h, !v.isFirst, &said)
	if s.in.rest, s.in.skips, s.in.isBlock = h.length, !v.isFirst, true; v.isFirst {
		s.pass()
	} else {
		s.in.buf = s.in.buf[:0]
	}
	switch {
	case !v.isFirst && s.in.block.isTooLong():
		s.provoke(codeProtocol, h.stream, h.length)
	case h.length == 0:
		s.endBlock(v)
	}
	return nil
}

// errServerLeaves is for a frame that the server does not get, since it leaves.
var errServerLeaves = errors.New("http2: the server leaves")

// endBlock is called at the end of a frame of a header block.
func (s *Session) endBlock(v *service) {
	b := &s.in.block
	s.in.isBlock = false
	if !b.isDone() || v.isFirst {
		return
	}
	switch {
	case b.broken:
		s.provoke(codeCompression, b.stream, 0)
	case !s.isOld(b.stream): // an old one's are trailers, for nobody
		s.in.ready = b.appendEncoded(nil)
	}
	b.forget()
}

// provoke has the server end the connection, with that code, for what it has not seen
// itself: it gets a frame that is as wrong. Of the client's own, rest bytes are to come.
func (s *Session) provoke(code, stream uint32, rest int) {
	if code == codeCompression {
		s.in.ready = append(head{length: 1, kind: typeHeaders, flags: flagEndHeaders, stream: max(1, stream)}.append(nil), 0x80)
	} else { // DATA of a stream that has not begun
		s.in.ready = head{kind: typeData, stream: stream}.append(nil)
	}
	s.in.rest, s.in.skips, s.in.isBlock, s.in.buf = rest, true, false, s.in.buf[:0]
	s.in.block.broken, s.in.block.isOpen = true, false
	s.in.block.forget()
}

// keepInput is the largest buffer that is kept for what is read.
const keepInput = 64

// pass gives the server what was read.
func (s *Session) pass() { s.in.ready, s.in.buf = s.in.buf, s.in.buf[:0] }

// isToBeKnown reports whether the frame's payload is looked at. Those of the wrong length
// are not: the server says what is wrong with them.
func (h head) isToBeKnown() bool {
	switch h.kind {
	case typeWindowUpdate, typeRSTStream:
		return h.length == 4
	case typeSettings:
		return !h.has(flagAck) && h.stream == 0 && h.length%6 == 0 && h.length <= smallestFrameSize
	}
	return false
}

// noteHead follows which streams are open, and what the server has to answer. It is false
// if the server is not to get the frame.
func (s *Session) noteHead(v *service, h head) bool {
	switch {
	case h.kind == typeData:
		s.room.Add(-int64(h.length))
		if !h.has(flagEndStream) {
			return true
		}
	case h.kind == typeHeaders, h.kind == typePing, h.kind == typeGoAway, h.kind == typeSettings:
	default:
		return true
	}
	s.mu.Lock()
	defer s.unlock()
	switch h.kind {
	case typePing:
		if !h.has(flagAck) {
			v.owed++
		}
		return true
	case typeSettings:
		if !h.has(flagAck) {
			v.owed++
			return true
		}
		if h.length > 0 || h.stream != 0 || s.acks == 0 {
			return true // an error
		}
		s.acks--
		return v.isFirst
	case typeGoAway:
		s.clientLeaves = true
		return true
	case typeHeaders:
		s.noteActive()
		if v.ending && s.streams[h.stream] == nil {
			return false
		}
	}
	st := s.streams[h.stream]
	if st == nil && h.kind == typeHeaders && h.stream > s.newest && h.stream%2 == 1 && !s.leaving {
		st = &stream{window: s.initial}
		s.streams[h.stream] = st
		s.newest = h.stream
	}
	if st == nil || !h.has(flagEndStream) {
		return true
	}
	if st.clientDone = true; st.serverDone && st.taken == nil {
		s.delete(h.stream)
	}
	return true
}

// delete forgets a stream that is over.
func (s *Session) delete(id uint32) {
	delete(s.streams, id)
	s.noteActive()
}
