package http2

import (
	"bytes"
	"crypto/tls"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/tlsfield"
)

const (
	// parkAfter is for how long only taken streams have to be open for the server to be
	// made to leave: what it costs until then is what a burst of subscribers costs.
	parkAfter = 50 * time.Millisecond
	// parkAgainAfter is that of a client that has made other requests since.
	parkAgainAfter = 300 * time.Millisecond
	// parkRetry is when it is tried again where the server has still something to say.
	parkRetry = 10 * time.Millisecond
	// idleAfter is when a parked connection without streams gets a server, whose idle
	// timeout it then has. Most clients close theirs before.
	idleAfter = time.Second
)

// parking is when a server leaves, and how it is noticed that one is needed.
type parking struct {
	timer  *time.Timer
	isDue  bool // the timer is set
	isBusy bool // the client has made other requests
	active time.Time
	token  uint64 // of the poller
	budget budget
}

// noteActive is called when a stream has begun, or is over.
func (s *Session) noteActive() {
	if s.taken > 0 && s.served != nil {
		s.parking.active = time.Now()
		s.schedule(s.parkAfter())
	}
}

func (s *Session) parkAfter() time.Duration {
	if s.parking.isBusy {
		return parkAgainAfter
	}
	return parkAfter
}

// schedule has it looked at after a time who has to serve the connection.
func (s *Session) schedule(d time.Duration) {
	p := &s.parking
	if p.isDue || s.failed != nil {
		return
	}
	if p.isDue = true; p.timer == nil {
		p.timer = time.AfterFunc(d, s.due)
	} else {
		p.timer.Reset(d)
	}
}

// stopParking is called when the connection ends, or is served again.
func (s *Session) stopParking() {
	p := &s.parking
	if p.timer != nil {
		p.timer.Stop()
		p.timer, p.isDue = nil, false
	}
	if p.token != 0 {
		s.layer.whileOpen(func(int) { parked().remove(s, p.token) })
		parked().forget(p.token)
		p.token = 0
	}
}

// due asks the server to leave if nothing is left for it to do, or asks for one.
func (s *Session) due() {
	s.mu.Lock()
	defer s.unlock()
	s.parking.isDue = false
	v := s.served
	switch {
	case s.failed != nil:
	case v == nil && s.taken == 0:
		go s.unparkIdle()
	case v == nil || s.taken == 0 || s.hasOther(v):
		// It is looked at again when a stream is over.
	default:
		if wait := s.parkAfter() - time.Since(s.parking.active); wait > 0 && !v.ending {
			s.schedule(wait)
			return
		}
		s.askToPark()
	}
}

// askToPark has who reads look whether the server can leave.
func (s *Session) askToPark() {
	s.wantsPark.Store(true)
	_ = s.layer.SetReadDeadline(longAgo) // if it is closed, reading ends, too
}

// hasOther reports whether the server has open streams besides those that are taken.
func (s *Session) hasOther(v *service) bool {
	for id, st := range s.streams {
		if (st.taken == nil || !st.serverDone) && !(v.ending && id > v.last) {
			return true
		}
	}
	return false
}

// canPark reports whether the server can leave without anything being lost: it owes no
// answer, and is not in the middle of a frame.
func (s *Session) canPark(v *service) bool {
	return s.taken > 0 && !v.faulty && v.owed == 0 && v.hasSaid && v.unwanted == 0 && s.out.isBoundary() && s.out.have == 0 && !s.hasOther(v)
}

// tryPark has the server leave if it can, between two frames of the client's. Who reads
// calls it.
func (s *Session) tryPark(v *service) bool {
	s.mu.Lock()
	defer s.unlock()
	s.wantsPark.Store(false)
	switch {
	case s.failed != nil || v.ended:
		return false
	case s.in.rest == 0 && len(s.in.ready) == 0 && len(v.unread) == 0 && !s.in.block.isOpen && s.canPark(v) && s.park(v):
		return true
	}
	_ = s.layer.SetReadDeadline(v.deadline) // if it is closed, reading ends, too
	if s.taken > 0 && (v.ending || !s.hasOther(v)) {
		s.schedule(parkRetry)
	}
	return false
}

// park takes the connection from the server, which believes that the client has left. It
// is called by who reads.
func (s *Session) park(v *service) bool {
	if parked() == nil {
		return false
	}
	s.stopParking()
	ok := false
	s.layer.whileOpen(func(int) { s.parking.token, ok = parked().add(s) })
	if !ok {
		return false
	}
	v.over.Store(true)
	s.served, s.out, s.before = nil, outbound{}, s.newest
	for id, st := range s.streams {
		switch {
		case st.taken != nil:
			st.serverDone = true
		default: // the server has not looked at it, or does not wait for its handler
			code := uint32(codeRefused)
			if v.ended {
				code = codeInternal
			}
			s.appendReady(appendFrame(nil, typeRSTStream, id, code))
			delete(s.streams, id)
		}
	}
	s.layer.setPolled(true)
	_ = s.layer.SetDeadline(noDeadline) // if it is closed, reading ends, too
	s.changed.Broadcast()
	if config := configField.Of(s.tls); config != nil {
		*config = laterConfig
	}
	s.dropInput()
	s.noteNoStreams()
	return true
}

// parkClosed parks the connection when the server that has closed it reads no more.
func (s *Session) parkClosed(v *service) {
	s.reading.Lock()
	s.mu.Lock()
	if s.served == v && s.failed == nil {
		if !s.leaving && (s.in.rest > 0 || len(s.in.ready) > 0 || s.in.block.isOpen) {
			s.sayGoAway() // part of what the client has said is gone
		}
		s.in.ready = nil
		if !s.park(v) {
			s.fail(errNoServer)
		}
	}
	s.unlock()
	s.reading.Unlock()
	s.readEvents()
}

// sayGoAway tells the client that it gets no new streams on this connection.
func (s *Session) sayGoAway() {
	s.leaving, s.inOrder = true, true
	s.appendReady(appendGoAway(nil, s.newest, codeNo))
}

// noteNoStreams is called when a parked connection may have lost its last stream.
func (s *Session) noteNoStreams() {
	if s.served != nil || s.taken > 0 || s.failed != nil {
		return
	}
	if !s.leaving {
		s.schedule(idleAfter)
		return
	}
	s.sealReady()
	_ = s.conn.CloseWrite() // a courtesy, for which nobody waits
	go s.finish()
}

// unpark makes a service for the server that there is now, and is called by who reads. The
// server gets what a client says first, and then what there is to read.
func (s *Session) unpark() {
	s.stopParking()
	v := &service{session: s, lead: defaultWindow - s.room.Load(), owed: 1, unwanted: 1}
	b := append(make([]byte, 0, 128), preface...)
	b = s.told.append(b)
	b = head{kind: typeSettings, flags: flagAck}.append(b)
	if n := s.ledger.begin(); n > 0 {
		b = appendFrame(b, typeWindowUpdate, 0, uint32(n))
	}
	v.unread = b
	s.served = v
	s.parking.isBusy = true
	s.layer.setPolled(false)
	s.noteActive()
	go s.offer(v)
}

// unparkIdle has a server wait for the client's next request, or for its own idle timeout.
func (s *Session) unparkIdle() {
	s.reading.Lock()
	s.mu.Lock()
	if s.served == nil && s.taken == 0 && s.failed == nil {
		s.unpark()
	}
	s.unlock()
	s.reading.Unlock()
}

// offer gives the connection to the newest listener of its address. If there is none, the
// client is told, and taken streams go on.
func (s *Session) offer(v *service) {
	if offer(s.address, v.handedOn()) {
		return
	}
	s.reading.Lock()
	s.mu.Lock()
	if s.served == v && s.failed == nil {
		s.sayGoAway()
		if !s.park(v) {
			s.fail(errNoServer)
		}
	}
	s.unlock()
	s.reading.Unlock()
	s.readEvents()
}

// Fields of a tls.Conn that hold what a parked connection does not need.
var (
	configField              = tlsfield.Find[*tls.Config]("config")
	rawInputField, handField = tlsfield.Find[bytes.Buffer]("rawInput"), tlsfield.Find[bytes.Buffer]("hand")
	inputField               = tlsfield.Find[bytes.Reader]("input")
)

// laterConfig is for connections whose handshake is done: what they still ask it for are
// defaults, and how large records may be: events are of no use to a client before they are
// whole. The one under which they came holds all of Caddy's, which a reload replaces.
var laterConfig = &tls.Config{DynamicRecordSizingDisabled: true}

// dropInput lets go of memory for what is read, where nothing is in it.
func (s *Session) dropInput() {
	for _, f := range []tlsfield.Field[bytes.Buffer]{rawInputField, handField} {
		if b := f.Of(s.tls); b != nil && b.Len() == 0 {
			*b = bytes.Buffer{}
		}
	}
	if r := inputField.Of(s.tls); r != nil && r.Len() == 0 {
		*r = bytes.Reader{}
	}
	if len(s.in.buf) == 0 {
		s.in.buf = nil
	}
}
