package delivery

import (
	"golang.org/x/sys/unix"
)

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
	return s.conn.tls.Write(piece[:min(len(piece), tlsPiece)])
}

// endTLS ends the body and says goodbye (close_notify), if the client can hear
// it now.
func (s *Socket) endTLS() {
	if s.conn.chunked && isWritable(s.fd) {
		_, _ = s.conn.tls.Write(lastChunk) // it is a courtesy
	}
	if isWritable(s.fd) {
		_ = s.conn.tls.CloseWrite() // and so is this
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
