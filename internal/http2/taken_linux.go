package http2

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"slices"
	"sync/atomic"
	"time"
)

// markerLen is a comment of an event stream: 22 characters that nobody can guess, a colon
// before, a line break after. A client that gets one, as it should not, takes no notice.
const markerLen = 24

type marker [markerLen]byte

func newMarker() marker {
	var random [16]byte
	_, _ = rand.Read(random[:]) // it never fails
	m := marker{0: ':', markerLen - 1: '\n'}
	base64.RawURLEncoding.Encode(m[1:], random[:])
	return m
}

// A Claim is for a stream whose number is not known: the handler's response does not tell.
// The handler writes [Claim.Marker] as the first bytes of the body and flushes them. The
// session recognizes them in the frames, keeps them back, and has the stream taken.
type Claim struct {
	session *Session
	marker  marker
	taken   chan *Taken
}

// maxTaken is how many streams of a connection can be taken: as many as Go's server serves
// at once, which does not count these.
const maxTaken = 250

// Claim makes a claim; nil where none can succeed.
func (s *Session) Claim() *Claim {
	s.mu.Lock()
	defer s.unlock()
	if s.failed != nil || s.served == nil || s.initial < markerLen || s.taken+len(s.claims) >= maxTaken {
		return nil
	}
	c := &Claim{session: s, marker: newMarker(), taken: make(chan *Taken, 1)}
	if s.claims == nil {
		s.claims = make(map[marker]*Claim)
	}
	s.claims[c.marker] = c
	return c
}

// Marker is what the handler has to write.
func (c *Claim) Marker() []byte { return c.marker[:] }

// Wait waits until the stream is taken, or the context or the time is over. Then it is
// nil, and the marker may have reached the client.
func (c *Claim) Wait(ctx context.Context, d time.Duration) *Taken {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case t := <-c.taken:
		return t
	case <-timer.C:
	case <-ctx.Done():
	}
	s := c.session
	s.mu.Lock()
	s.forget(c)
	s.unlock()
	select {
	case t := <-c.taken:
		return t
	default:
		return nil
	}
}

func (s *Session) forget(c *Claim) {
	if delete(s.claims, c.marker); len(s.claims) == 0 {
		s.claims = nil
	}
}

// takeByMarker takes a stream that is claimed.
func (s *Session) takeByMarker(id uint32, m marker) bool {
	c := s.claims[m]
	st := s.streams[id]
	if c == nil || st == nil {
		return false
	}
	s.forget(c)
	s.ledger.dropped(markerLen)
	st.taken = &Taken{session: s, id: id, stream: st}
	s.taken++
	c.taken <- st.taken
	return true
}

// An unended has the newest taken streams that the client has reset while the server was
// about to end them. That end is not for the client, which has been told nothing of the
// handler's either.
type unended struct {
	streams [8]uint32
	next    int
}

func (u *unended) add(id uint32) {
	u.streams[u.next] = id
	u.next = (u.next + 1) % len(u.streams)
}

func (u *unended) has(id uint32) bool { return id != 0 && slices.Contains(u.streams[:], id) }

// Errors of [Taken.Write].
var (
	// ErrBlocked means that nothing can be written now. The stream is woken when it may
	// be possible again.
	ErrBlocked = errors.New("http2: nothing can be written now")
	// ErrOver means that the client has left, or has reset the stream.
	ErrOver = errors.New("http2: the stream is over")
)

// A Taken is a stream that the server has begun and that goes on without it. But for its
// wake function it belongs to one goroutine, which it never has wait.
type Taken struct {
	session *Session
	id      uint32
	stream  *stream

	wake    func() // set by Start
	do      func(func())
	started atomic.Bool
	over    atomic.Bool
	cause   error // of the connection's end, if that is why it is over; set before
	starved bool  // it waits for the client's window; guarded by the session
}

// Start has wake called, from wherever, once the stream is over, and when it may be
// possible to write again. It must not wait for anything. Whatever do is given has to be
// called soon, when others have written, too, who can.
func (t *Taken) Start(wake func(), do func(func())) {
	t.wake, t.do = wake, do
	t.started.Store(true)
}

// IsOver reports whether the client has left, or has reset the stream.
func (t *Taken) IsOver() bool { return t.over.Load() }

// Cause is why the connection ended, of a stream that is over; nil if it has not.
func (t *Taken) Cause() error { return t.cause }

func (t *Taken) call() {
	if t.started.Load() {
		t.wake()
	}
}

func (t *Taken) wakeIfStarved() {
	if t.starved {
		t.starved = false
		t.call()
	}
}

// pieceSize is the largest DATA that is written at once: with its head it is one record
// of TLS.
const pieceSize = smallestFrameSize - headLen

// Write writes one frame of DATA, of the parts one after another, as many of their bytes
// as it may have. If these are all, and isLast, it ends the stream. It returns how many
// bytes it has written; what is left is for another call.
func (t *Taken) Write(parts [][]byte, isLast bool) (n int, err error) {
	s := t.session
	if t.over.Load() {
		return 0, ErrOver
	}
	if !s.tryLock(t.wake) {
		return 0, ErrBlocked
	}
	switch {
	case t.over.Load():
		s.unlock()
		return 0, ErrOver
	case !s.canWrite() || len(s.ready) >= largestReady && !s.makeReady():
		s.await(t.wake)
		s.unlock()
		return 0, ErrBlocked
	}
	size := 0
	for _, p := range parts {
		size += len(p)
	}
	n = min(size, s.ledger.room(t.stream.window), pieceSize)
	if n == 0 && size > 0 {
		t.starved = true
		s.unlock()
		return 0, ErrBlocked
	}
	h := head{length: n, kind: typeData, stream: t.id}
	if isLast && n == size {
		h.flags = flagEndStream
	}
	isFirst := len(s.ready) == 0
	var b [headLen]byte
	s.appendReady(h.append(b[:0]))
	for left := n; left > 0; parts = parts[1:] {
		p := parts[0][:min(len(parts[0]), left)]
		s.appendReady(p)
		left -= len(p)
	}
	s.ledger.streamSends(int64(n))
	t.stream.window -= int64(n)
	if h.has(flagEndStream) {
		s.end(t.id, t.stream)
	}
	if s.taken < 2 || len(s.ready) >= largestReady {
		s.unlock()
		return n, nil
	}
	// Others of this connection may have something for the same record.
	s.mu.Unlock()
	if isFirst {
		t.do(s.flush)
	}
	s.wake()
	return n, nil
}

// makeReady makes room for frames.
func (s *Session) makeReady() bool {
	s.sealReady()
	return len(s.ready) < largestReady
}

// flush writes what is ready.
func (s *Session) flush() {
	if s.tryLock(s.flush) {
		s.unlock()
	}
}

// Reset ends the stream at once, for a client that does not take what it is sent. If it is
// the socket that is full, and not the stream's window, a goodbye would wait behind what
// it does not take: then the connection is reset.
func (t *Taken) Reset() {
	go func() {
		s := t.session
		s.mu.Lock()
		defer s.unlock()
		if waiting, _ := s.layer.state(); waiting > 0 && !t.starved {
			_ = s.layer.SetLinger(0) // it may be closed
			s.fail(ErrOver)
			return
		}
		if !t.over.Load() {
			s.reset(t.id, t.stream, codeCancel)
		}
	}()
}

// BreakOff ends the stream with an error once what was written is sent. Unlike Reset it
// is for a client that takes what it is sent.
func (t *Taken) BreakOff() {
	go func() {
		s := t.session
		s.mu.Lock()
		defer s.unlock()
		if !t.over.Load() {
			s.reset(t.id, t.stream, codeInternal)
		}
	}()
}

// reset tells the client that a taken stream is over.
func (s *Session) reset(id uint32, st *stream, code uint32) {
	s.appendReady(appendFrame(nil, typeRSTStream, id, code))
	st.isReset = true
	s.end(id, st)
}

// end is called when a stream is over for the client. The server may still have to say
// that it is done.
func (s *Session) end(id uint32, st *stream) {
	t := st.taken
	if t == nil || t.over.Load() {
		return
	}
	t.cause = s.failed
	t.over.Store(true)
	s.taken--
	t.call()
	if st.serverDone {
		delete(s.streams, id)
	}
	s.noteNoStreams()
}

// finish closes a connection that the server has left, once the client has got what was
// written.
func (s *Session) finish() {
	_ = s.layer.SetWriteDeadline(time.Now().Add(goodbyeTimeout)) // it may be closed
	err := s.layer.drain()
	s.mu.Lock()
	defer s.unlock()
	if err == nil {
		err = ErrOver
	}
	s.fail(err)
}

const goodbyeTimeout = 5 * time.Second
