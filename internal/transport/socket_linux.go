package transport

import (
	"golang.org/x/sys/unix"

	"github.com/caddy-sse/caddy-sse/internal/eventstream"
	"github.com/caddy-sse/caddy-sse/internal/nonblock"
)

const haveSockets = true

const (
	// maxVectors is how many frames one writev takes (IOV_MAX is 1024).
	maxVectors = 256
	// maxUnsent is how many bytes the kernel takes that the client has no room
	// for.
	maxUnsent = 64 << 10
)

// A takenOver is a connection that was taken over, and nothing else of the request,
// which a reload replaces.
type takenOver struct {
	conn    *takenConn
	poller  *Poller
	options *Options
	ended   func(End)
}

func openSocket(s *subscription) (Delivery, error) {
	conn := takeOver(s.w, s.r)
	if conn == nil {
		return nil, nil
	}
	return &takenOver{conn, s.poller, s.options, s.ended}, nil
}

// Info implements [Delivery].
func (t *takenOver) Info() *Info {
	if t.conn.tls != nil {
		return tlsInfo
	}
	return socketInfo
}

// Outlet implements [Delivery].
func (t *takenOver) Outlet(l Loop) Outlet { return newSocket(t, l) }

// Serve implements [Delivery]: the handler can return.
func (*takenOver) Serve() {}

// A socket delivers straight to a connection that was taken over: no goroutine waits for
// it, and no buffer is between. It is blocked until epoll says that it is writable.
type socket struct {
	loopOutlet
	poller *Poller
	conn   takenConn
	tls    *tlsLayer // nil in the clear
	token  uint64    // in the poller
	fd     int
	watch  uint32 // what the poller looks for, besides the client's leaving
}

// A tlsSocket is one with its layer, in one piece of memory, as they are used together.
type tlsSocket struct {
	socket
	layer tlsLayer
}

// newSocket makes an outlet of a connection that was taken over. It is to be
// called in the loop. When the subscription is over, ended is called there.
func newSocket(t *takenOver, loop Loop) *socket {
	var s *socket
	if t.conn.tls == nil {
		s = new(socket)
	} else {
		both := new(tlsSocket)
		s, both.tls = &both.socket, &both.layer
	}
	s.poller, s.conn = t.poller, *t.conn
	s.loopOutlet = newLoopOutlet(loop, t.options, t.ended, s)
	if err := s.register(); err != nil {
		s.end(err)
		return s
	}
	s.arm()
	if s.tls != nil {
		loop.Do(s.listen) // the client's words may have been read with its request
	}
	return s
}

func (s *socket) register() error {
	if err := s.takeDescriptor(); err != nil {
		return err
	}
	s.options.limitUnacknowledged(s.fd)
	// The kernel does not keep megabytes for a client that does not read: what waits is
	// to wait here, where it is shared, and counted.
	_ = unix.SetsockoptInt(s.fd, unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, maxUnsent)
	return s.poller.add(s)
}

// takeDescriptor gets the socket out of package net, as a duplicate of its own, so
// that what net keeps for a connection, about half of what a silent subscriber
// would cost, can go.
func (s *socket) takeDescriptor() error {
	raw, err := s.conn.tcp.SyscallConn()
	if err != nil {
		return err
	}
	if err := raw.Control(func(fd uintptr) { s.fd = int(fd) }); err != nil {
		return err
	}
	own, err := unix.FcntlInt(uintptr(s.fd), unix.F_DUPFD_CLOEXEC, 0)
	if err == nil { // or there are too many, and net's own serves, too
		_ = s.conn.tcp.Close() // the connection itself goes on
		s.conn.tcp, s.fd = nil, own
	}
	if s.tls != nil {
		s.tls.take(s.conn.tls, s.fd)
		s.watch = unix.EPOLLIN
	}
	return nil
}

// sealed implements [link]: it is ciphertext.
func (s *socket) sealed() int {
	if s.tls == nil {
		return 0
	}
	return len(s.tls.sealed)
}

// finish implements [link].
func (s *socket) finish() { s.end(s.closing) }

// write implements [link]: it empties the queue, or finds the socket blocked or broken.
func (s *socket) write() {
	for !s.isWritten() {
		n, err := s.writeSome()
		if n > 0 {
			s.progress()
		}
		switch err {
		case nil, unix.EINTR:
		case unix.EAGAIN:
			s.block()
			return
		default:
			s.left(err)
			return
		}
	}
}

// writeSome writes once: all that waits, up to a limit. It returns how many bytes the
// socket has taken.
func (s *socket) writeSome() (n int, err error) {
	switch {
	case s.tls != nil:
		return s.writeTLS()
	case len(s.queue) == 1:
		n, err = nonblock.Send(s.fd, s.bytes(s.queue[0])[s.written:])
	default:
		vectors := make([][]byte, 0, min(len(s.queue), maxVectors))
		for _, f := range s.queue[:cap(vectors)] {
			vectors = append(vectors, s.bytes(f))
		}
		vectors[0] = vectors[0][s.written:]
		n, err = unix.Writev(s.fd, vectors)
	}
	n = max(n, 0)
	s.advance(n)
	s.count(n)
	return n, err
}

// writeTLS encrypts once, and writes.
func (s *socket) writeTLS() (took int, err error) {
	n, took, err := s.writePiece()
	s.advance(n)
	if len(s.tls.sealed) == 0 {
		s.count(s.tls.plain)
		s.tls.plain = 0
	}
	return took, err
}

// writePiece has TLS write the first that waits, up to what is encrypted at once. Where it
// is of several frames, it is put together.
func (s *socket) writePiece() (n, took int, err error) {
	if len(s.queue) == 0 || s.sealed() > 0 {
		return s.tls.write(nil)
	}
	first := s.bytes(s.queue[0])[s.written:]
	if len(s.queue) == 1 || len(first) >= tlsPiece {
		return s.tls.write(first[:min(len(first), tlsPiece)])
	}
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	piece := append((*buffer)[:0], first...)
	for _, f := range s.queue[1:] {
		if len(piece) == tlsPiece {
			break
		}
		b := s.bytes(f)
		piece = append(piece, b[:min(len(b), tlsPiece-len(piece))]...)
	}
	return s.tls.write(piece)
}

// bytes are those of a frame as they go over this connection.
func (s *socket) bytes(f *eventstream.Frame) []byte {
	if s.conn.chunked {
		return f.Chunk()
	}
	return f.Bytes()
}

// advance takes n bytes off the queue.
func (s *socket) advance(n int) {
	done := 0
	for ; done < len(s.queue); done++ {
		left := len(s.bytes(s.queue[done])) - s.written
		if n < left {
			s.written += n
			break
		}
		n -= left
		s.written = 0
		s.pending -= s.queue[done].Len()
	}
	s.drop(done)
}

// block waits for the socket to be writable.
func (s *socket) block() {
	s.blocked = true
	if err := s.poller.change(s); err != nil {
		s.end(err)
		return
	}
	s.arm()
}

// listen reads what the client sends, of which only TLS has a meaning.
func (s *socket) listen() {
	if s.closed || s.tls.deaf {
		return
	}
	if s.Waiting() == 0 {
		s.lastProgress = s.loop.Now() // TLS may answer, and wait for the client to take it
	}
	if err := s.tls.listen(); err != nil {
		if !s.blocked {
			_, _ = s.tls.flush() // TLS says why, which is a courtesy
		}
		s.end(err)
		return
	}
	if s.tls.deaf {
		s.watch = 0
		if err := s.poller.change(s); err != nil {
			s.end(err)
			return
		}
	}
	s.Flush()
}

// notified is what the poller found: the socket is writable, the client has said
// something, or it has left.
func (s *socket) notified(events uint32) {
	switch {
	case s.closed:
	case events&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0:
		s.left(s.err())
	default:
		if events&unix.EPOLLOUT != 0 {
			s.blocked = false
			s.Flush()
		}
		if events&unix.EPOLLIN != 0 {
			s.listen()
		}
	}
}

// err is the socket's error; nil if the client has left in order.
func (s *socket) err() error {
	if n, err := unix.GetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_ERROR); err == nil && n != 0 {
		return unix.Errno(n)
	}
	return nil
}

var lastChunk = []byte("0\r\n\r\n")

// leave implements [link].
func (s *socket) leave(reason error, isInOrder bool) {
	s.poller.remove(s)
	switch {
	case isInOrder:
		s.goodbye()
	case reason == ErrSlow || reason == ErrStalled || s.sealed() > 0 || !s.conn.chunked && !s.options.isWhole(reason):
		// A goodbye would wait behind what the client does not take, and the
		// kernel keep both for it: a reset ends that, and tells the client. So
		// it does in the middle of a TLS record, and over HTTP/1.0, where the end of
		// the connection is that of the body.
		_ = unix.SetsockoptLinger(s.fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	}
	s.close()
}

// goodbye ends the body. It is a courtesy to a client that has room for it.
func (s *socket) goodbye() {
	var last []byte
	if s.conn.chunked {
		last = lastChunk
	}
	if s.tls != nil {
		s.tls.goodbye(last)
	} else {
		_, _ = nonblock.Send(s.fd, last)
	}
}

func (s *socket) close() {
	if s.conn.tcp != nil {
		_ = s.conn.tcp.Close()
	} else {
		_ = unix.Close(s.fd) // there is nothing to do about an error
	}
}
