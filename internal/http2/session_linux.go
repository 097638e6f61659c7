package http2

import (
	"crypto/tls"
	"net"
	"sync"
	"sync/atomic"
)

// A Session is a client's connection, through all servers that have it. Its methods are safe for
// concurrent use.
//
// No lock of it is held by anything that waits, neither for the socket nor for the client.
// Those that must not wait at all, which write to taken streams, only try to take it.
type Session struct {
	conn    conn
	tls     *tls.Conn // nil in the clear, else conn
	layer   *layer
	address string // of the listener that the client has come to

	reading sync.Mutex   // held while something is read, also while that waits
	in      inbound      // guarded by reading
	events  atomic.Bool  // something has come, of which nobody has read
	room    atomic.Int64 // what the client may send of DATA, on all streams

	mu           sync.Mutex
	served       *service // nil: it is parked
	out          outbound
	ledger       ledger
	changed      sync.Cond // of the window, or the end
	streams      map[uint32]*stream
	initial      int64  // window of a new stream
	newest       uint32 // stream of the client's
	before       uint32 // the newest one when the connection was parked
	taken        int    // streams that are
	claims       map[marker]*Claim
	unended      unended
	ready        []byte   // frames of taken streams, and of ours, that go out at the next boundary
	buffer       *[]byte  // that ready is in
	leaving      bool     // the client knows by GOAWAY that it gets no new streams
	inOrder      bool     // and with no error
	clientLeaves bool     // it has said GOAWAY itself
	told         settings // what the client has said
	said         settings // what the server has said, as far as the client knows
	acks         int      // answers to SETTINGS that the client owes
	failed       error

	parking   parking
	wantsPark atomic.Bool // the server is to leave

	waitersMu sync.Mutex // the last lock to be taken
	waiters   []func()   // to be called when frames can be written
	waiting   atomic.Bool
}

// A stream is one of a client's that is open.
type stream struct {
	window     int64 // that the client takes
	hasSent    bool  // DATA
	clientDone bool  // it sends nothing more
	serverDone bool
	taken      *Taken
	isReset    bool // we have told the client that it is over
}

// newSession puts a session around a TLS connection whose handshake is done, that has come
// to a listener of that address. It is nil where that cannot be. The service is for the
// first server.
func newSession(c *tls.Conn, address string) *service {
	l := newLayer(c)
	if l == nil {
		return nil
	}
	v := newService(c, l, address)
	v.session.tls = c
	return v
}

// newClearSession is that of a connection without TLS.
func newClearSession(c *net.TCPConn, address string) *service {
	l := newLayerOver(c)
	if l == nil {
		return nil
	}
	return newService(l, l, address)
}

// conn is what frames are read from and written to. Writing takes everything at once.
type conn interface {
	net.Conn
	CloseWrite() error
}

func newService(c conn, l *layer, address string) *service {
	s := &Session{conn: c, layer: l, address: address, ledger: newLedger(), streams: make(map[uint32]*stream), initial: defaultWindow}
	s.changed.L = &s.mu
	s.room.Store(defaultWindow)
	s.served = &service{session: s, isFirst: true}
	return s.served
}

// Of returns the session of a connection that the server knows, also if others that embed
// it are around it; nil if there is none.
func Of(c net.Conn) *Session {
	if c == nil {
		return nil
	}
	if a, ok := c.RemoteAddr().(*address); ok {
		return (*Session)(a)
	}
	return nil
}

// An address is the client's, and leads to its session.
type address Session

func (a *address) Network() string { return a.conn.RemoteAddr().Network() }
func (a *address) String() string  { return a.conn.RemoteAddr().String() }

// Control calls f with the socket's descriptor, unless that is closed.
func (s *Session) Control(f func(fd int)) {
	_ = s.layer.raw.Control(func(fd uintptr) { f(int(fd)) }) // nothing is to be done for one that is closed
}

// unlock gives the session back, and wakes those who have waited for it.
func (s *Session) unlock() {
	s.sealReady()
	canWrite := s.canWrite() || s.failed != nil
	drain := s.layer.beginDraining()
	s.mu.Unlock()
	if drain {
		go s.drain()
	}
	if canWrite {
		s.wake()
	}
}

// tryLock takes the session if that is free. Else f is called, from wherever, when it may
// be.
func (s *Session) tryLock(f func()) bool {
	if s.mu.TryLock() {
		return true
	}
	s.await(f)
	return s.mu.TryLock() // it may have been given back before f was known
}

// await has f called, from wherever, when frames can be written.
func (s *Session) await(f func()) {
	s.waitersMu.Lock()
	defer s.waitersMu.Unlock()
	s.waiters = append(s.waiters, f)
	s.waiting.Store(true)
}

func (s *Session) wake() {
	if !s.waiting.Load() {
		return
	}
	s.waitersMu.Lock()
	all := s.waiters
	s.waiters = nil
	s.waiting.Store(false)
	s.waitersMu.Unlock()
	for _, f := range all {
		f()
	}
}

// canWrite reports whether a frame may be written now: no other one has begun, and the
// socket has taken most of what was.
func (s *Session) canWrite() bool {
	return s.out.isBoundary() && !s.layer.isFull()
}

// seal encrypts what goes to the client, and writes what the socket takes.
func (s *Session) seal(p []byte) {
	if len(p) == 0 || s.failed != nil {
		return
	}
	if _, err := s.conn.Write(p); err != nil {
		s.fail(err)
	}
}

// appendReady has bytes of frames go out at the next boundary.
func (s *Session) appendReady(p []byte) {
	if s.ready == nil {
		s.buffer = buffers.Get().(*[]byte)
		s.ready = (*s.buffer)[:0]
	}
	s.ready = append(s.ready, p...)
}

// buffers are for frames that are ready.
var buffers = sync.Pool{New: func() any {
	b := make([]byte, 0, largestReady+headLen)
	return &b
}}

// sealReady writes the frames that wait for a boundary.
func (s *Session) sealReady() {
	if len(s.ready) == 0 || !s.out.isBoundary() {
		return
	}
	s.seal(s.ready)
	if cap(s.ready) <= 4*largestReady {
		*s.buffer = s.ready // which may have grown
	}
	buffers.Put(s.buffer)
	s.ready, s.buffer = nil, nil
}

// largestReady is how many bytes of frames may be ready for others to be added.
const largestReady = smallestFrameSize

// drain waits until the socket has taken what waits, and then wakes who waits for that.
func (s *Session) drain() {
	err := s.layer.drainNow()
	s.mu.Lock()
	defer s.unlock()
	if err != nil {
		s.fail(err)
	}
}

// fail ends the connection and all that goes over it.
func (s *Session) fail(err error) {
	if s.failed != nil {
		return
	}
	s.failed = err
	s.stopParking()
	_ = s.layer.Close() // the error is that it is closed
	for id, st := range s.streams {
		s.end(id, st)
	}
	clear(s.streams)
	s.changed.Broadcast()
}
