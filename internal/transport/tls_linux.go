package transport

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// tlsDeadline is how long a write through TLS may wait for the socket, and the
// loop with it. It waits only where the socket is called writable and yet does not
// take a piece whole, as with a client whose segments are tiny. It is long enough
// for a goroutine that waits for a processor: a client is not to be closed since
// the machine is busy.
const tlsDeadline = 50 * time.Millisecond

// tlsPiece is how many bytes are given to TLS at once: few enough that a socket
// which is writable at all takes them whole. (Linux calls a socket writable
// while a third of its send buffer is free, and takes what fits the packet that
// it begins.)
const tlsPiece = 8 << 10

// writeTLS writes what waits, up to a piece. A tls.Conn blocks when its socket
// is full, and is of no use after a write that timed out, so the socket is asked
// first.
func (s *Socket) writeTLS() (int, error) {
	if !isWritable(s.fd) {
		return 0, unix.EAGAIN
	}
	piece := s.bytes(s.queue[0])[s.written:]
	if len(s.queue) > 1 && len(piece) < tlsPiece {
		together := make([]byte, 0, tlsPiece)
		together = append(together, piece...)
		for _, f := range s.queue[1:] {
			b := s.bytes(f)
			if len(together)+len(b) > tlsPiece {
				break
			}
			together = append(together, b...)
		}
		piece = together
	}
	return s.sealed(piece[:min(len(piece), tlsPiece)])
}

// sealed writes through TLS.
func (s *Socket) sealed(p []byte) (int, error) {
	if err := s.conn.tls.SetWriteDeadline(time.Now().Add(tlsDeadline)); err != nil {
		return 0, err
	}
	n, err := s.conn.tls.Write(p)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = ErrStalled // part of a record may be out, so there is no going on
	}
	return n, err
}

// endTLS ends the body and says goodbye (close_notify), if the client can hear it
// now. Both are courtesies. It is not for the loop: CloseWrite has a deadline of
// its own, of five seconds.
func (s *Socket) endTLS() {
	if s.conn.chunked && isWritable(s.fd) {
		_, _ = s.sealed(lastChunk)
	}
	if isWritable(s.fd) {
		_ = s.conn.tls.CloseWrite()
	}
}

func isWritable(fd int) bool {
	fds := [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
	for {
		n, err := unix.Poll(fds[:], 0)
		if err != unix.EINTR {
			return n == 1 && fds[0].Revents&unix.POLLOUT != 0
		}
	}
}
