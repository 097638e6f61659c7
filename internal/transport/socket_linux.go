package transport

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/caddy-sse/caddy-sse/internal/eventstream"
	"github.com/caddy-sse/caddy-sse/internal/jitter"
)

const haveSockets = true

const (
	// maxVectors is how many frames one writev takes (IOV_MAX is 1024).
	maxVectors = 256
	// maxUnsent is how many bytes the kernel takes that the client has no room
	// for.
	maxUnsent = 64 << 10
	// keepQueue is the longest queue whose memory a silent subscriber keeps.
	keepQueue = 4
)

// A Socket delivers straight to a connection that was taken over: no goroutine
// waits for it, and no buffer is between. What the socket does not take waits as
// references to the frames that all subscribers share, until epoll says that it
// is writable.
type Socket struct {
	loop    Loop
	poller  *Poller
	options *Options
	ended   func(End)
	conn    *Conn
	fd      int
	token   uint64 // in the poller

	queue   []*eventstream.Frame
	written int // bytes of the first frame in queue that are written
	pending int // bytes in queue that are not
	total   int64
	blocked bool     // the socket is full; the poller tells when it is not
	waiting []func() // for the queue to be written
	closing error    // end once the queue is written
	closed  bool

	timer        *time.Timer
	due          time.Duration // of the timer; zero: it is not set
	openedAt     time.Duration
	lastWrite    time.Duration
	lastProgress time.Duration // when the client last took something, or there was nothing to take
	expiresAt    time.Duration // at max_duration; zero: never
}

// NewSocket makes an outlet of a connection that was taken over. It is to be
// called in the loop. When the subscription is over, ended is called there.
func NewSocket(conn *Conn, loop Loop, poller *Poller, o *Options, ended func(End)) *Socket {
	now := loop.Now()
	s := &Socket{
		loop: loop, poller: poller, options: o, ended: ended, conn: conn,
		openedAt: now, lastWrite: now, lastProgress: now,
	}
	if o.MaxDuration > 0 {
		s.expiresAt = now + jitter.Spread(o.MaxDuration, 0.1)
	}
	if err := s.register(); err != nil {
		s.end(err)
		return s
	}
	s.arm()
	return s
}

func (s *Socket) register() error {
	if err := s.takeDescriptor(); err != nil {
		return err
	}
	s.options.limitUnacknowledged(s.fd)
	// The kernel does not keep megabytes for a client that does not read: what waits is
	// to wait here, where it is shared, and counted.
	_ = unix.SetsockoptInt(s.fd, unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, maxUnsent)
	return s.poller.add(s)
}

// takeDescriptor gets the socket out of package net: in the clear as a duplicate
// of its own, so that what net keeps for a connection, about half of what a
// silent subscriber would cost, can go. TLS writes through the connection, whose
// descriptor stays valid, since nobody but end closes it.
func (s *Socket) takeDescriptor() error {
	raw, err := s.conn.tcp.SyscallConn()
	if err != nil {
		return err
	}
	if err := raw.Control(func(fd uintptr) { s.fd = int(fd) }); err != nil {
		return err
	}
	if s.conn.tls != nil {
		return nil
	}
	own, err := unix.FcntlInt(uintptr(s.fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil //nolint:nilerr // there are too many; net's own serves, too
	}
	_ = s.conn.tcp.Close() // the connection itself goes on
	s.conn.tcp, s.fd = nil, own
	return nil
}

// Send queues a frame.
func (s *Socket) Send(f *eventstream.Frame) {
	if s.closed || s.closing != nil {
		return
	}
	if s.pending > 0 && s.pending+f.Len() > s.options.Pending {
		s.Flush() // a burst may be more than the limit, and yet no more than the client takes
		if s.closed {
			return
		}
		if s.pending > 0 && s.pending+f.Len() > s.options.Pending {
			s.end(ErrSlow)
			return
		}
	}
	if s.pending == 0 {
		s.lastProgress = s.loop.Now() // the wait begins
	}
	s.queue = append(s.queue, f)
	s.pending += f.Len()
}

// Waiting is how many bytes are not written yet.
func (s *Socket) Waiting() int { return s.pending }

// WhenWritten calls f at the first Flush that leaves nothing in the queue.
func (s *Socket) WhenWritten(f func()) { s.waiting = append(s.waiting, f) }

// Close ends the subscription once what is queued is written.
func (s *Socket) Close(reason error) {
	if s.closed || s.closing != nil {
		return
	}
	s.closing = reason
	s.Flush()
}

// Flush writes what is queued, as far as the socket takes it.
func (s *Socket) Flush() {
	if s.closed || s.blocked {
		return
	}
	if len(s.queue) > 0 {
		s.write()
	}
	if s.closed || s.blocked {
		return
	}
	for _, f := range s.waiting {
		f()
	}
	s.waiting = nil
	if s.closing == nil {
		return
	}
	s.end(s.closing)
}

// write empties the queue, or finds the socket blocked or broken.
func (s *Socket) write() {
	now := s.loop.Now()
	for len(s.queue) > 0 {
		n, err := s.writeSome()
		if n > 0 {
			s.lastWrite, s.lastProgress = now, now
			s.advance(n)
		}
		switch err {
		case nil:
		case unix.EAGAIN:
			s.block()
			return
		case ErrStalled:
			s.end(ErrStalled)
			return
		default:
			s.end(ErrLeft)
			return
		}
	}
	if cap(s.queue) > keepQueue {
		s.queue = nil
	} else {
		s.queue = s.queue[:0]
	}
}

// writeSome writes once: all that waits, up to a limit.
func (s *Socket) writeSome() (n int, err error) {
	switch {
	case s.conn.tls != nil:
		return s.writeTLS()
	case len(s.queue) == 1:
		n, err = unix.Write(s.fd, s.bytes(s.queue[0])[s.written:])
	default:
		vectors := make([][]byte, 0, min(len(s.queue), maxVectors))
		for _, f := range s.queue[:cap(vectors)] {
			vectors = append(vectors, s.bytes(f))
		}
		vectors[0] = vectors[0][s.written:]
		n, err = unix.Writev(s.fd, vectors)
	}
	if err == unix.EINTR {
		return 0, nil
	}
	return max(n, 0), err
}

// bytes are those of a frame as they go over this connection.
func (s *Socket) bytes(f *eventstream.Frame) []byte {
	if s.conn.chunked {
		return f.Chunk()
	}
	return f.Bytes()
}

// advance takes n written bytes off the queue.
func (s *Socket) advance(n int) {
	s.total += int64(n)
	s.options.wrote(n)
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
	kept := copy(s.queue, s.queue[done:])
	clear(s.queue[kept:])
	s.queue = s.queue[:kept]
}

// block waits for the socket to be writable.
func (s *Socket) block() {
	s.blocked = true
	if err := s.poller.awaitWritable(s); err != nil {
		s.end(err)
		return
	}
	s.arm()
}

// notified is what the poller found: the socket is writable, or the client has
// left.
func (s *Socket) notified(events uint32) {
	switch {
	case s.closed:
	case events&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0:
		s.end(ErrLeft)
	case events&unix.EPOLLOUT != 0:
		s.blocked = false
		s.Flush()
	}
}

// arm sets the timer to the next thing that is due.
func (s *Socket) arm() {
	due := s.expiresAt
	sooner := func(t time.Duration) {
		if due == 0 || t < due {
			due = t
		}
	}
	if s.options.Heartbeat > 0 {
		sooner(s.lastWrite + s.options.Heartbeat)
	}
	if s.blocked {
		sooner(s.lastProgress + s.options.WriteTimeout)
	}
	if due == 0 || s.due != 0 && due >= s.due {
		return // it is soon enough: tick looks again
	}
	s.due = due
	wait := due - s.loop.Now()
	if s.timer == nil {
		s.timer = time.AfterFunc(wait, func() { s.loop.Do(s.tick) })
	} else {
		s.timer.Reset(wait)
	}
}

// tick does what is due.
func (s *Socket) tick() {
	if s.closed {
		return
	}
	now := s.loop.Now()
	s.due = 0
	switch {
	case s.blocked && now-s.lastProgress >= s.options.WriteTimeout:
		s.end(ErrStalled)
		return
	case s.expiresAt != 0 && now >= s.expiresAt:
		s.expiresAt = 0
		s.Send(s.options.lastFrame())
		s.Close(ErrOld)
	case s.options.Heartbeat > 0 && now-s.lastWrite >= s.options.Heartbeat:
		s.lastWrite = now
		if !s.blocked {
			s.Send(eventstream.Heartbeat)
			s.Flush()
		}
	}
	if !s.closed {
		s.arm()
	}
}

var lastChunk = []byte("0\r\n\r\n")

// end closes the connection, and tells how it was.
func (s *Socket) end(reason error) {
	if s.closed {
		return
	}
	s.closed = true
	if s.timer != nil {
		s.timer.Stop()
	}
	s.poller.remove(s)
	s.queue, s.pending, s.waiting = nil, 0, nil
	result := End{Reason: reason, Bytes: s.total, Open: s.loop.Now() - s.openedAt}
	inOrder := s.closing != nil && reason == s.closing
	if inOrder && s.conn.tls != nil {
		go func() { // a goodbye through TLS may wait for the client
			s.endTLS()
			s.close()
			s.loop.Do(func() { s.ended(result) })
		}()
		return
	}
	switch {
	case inOrder && s.conn.chunked:
		_, _ = unix.Write(s.fd, lastChunk) // it is a courtesy
	case reason == ErrSlow || reason == ErrStalled:
		// A goodbye would wait behind what the client does not take, and the
		// kernel keep both for it: a reset ends that, and tells the client.
		_ = unix.SetsockoptLinger(s.fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	}
	s.close()
	s.ended(result)
}

func (s *Socket) close() {
	if s.conn.tcp != nil {
		_ = s.conn.tcp.Close() // beneath TLS, whose own Close might wait for the client
	} else {
		_ = unix.Close(s.fd) // there is nothing to do about an error
	}
}
