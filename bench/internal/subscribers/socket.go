//go:build linux

package subscribers

import (
	"cmp"
	"errors"
	"io"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// connectTimeout is how long a server may take for any step of a connect.
const connectTimeout = 30 * time.Second

// perSource is how many connections come from one address: there are only some
// 28,000 ports for each.
const perSource = 20_000

// A socket is a TCP connection without Go's network poller: blocking until the
// response's head is there, and read by a worker's epoll from then on.
//
// It is a net.Conn for crypto/tls, which keeps what it has when a read would
// block, and goes on at the next.
type socket struct {
	fd int
	// polled is whether a worker's epoll says when there is something to read.
	polled bool
	// drained is set when a read has taken all there was, so that the next one
	// need not ask the kernel.
	drained bool
}

// dial opens the i-th connection to an endpoint.
func dial(e *endpoint, i int) (*socket, error) {
	family, address := e.sockaddr()
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	if e.stalls {
		err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 1)
	}
	if err = cmp.Or(err, connect(fd, address, i)); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return &socket{fd: fd}, nil
}

func connect(fd int, address unix.Sockaddr, i int) error {
	timeout := unix.NsecToTimeval(int64(connectTimeout))
	for _, option := range []int{unix.SO_RCVTIMEO, unix.SO_SNDTIMEO} {
		if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, option, &timeout); err != nil {
			return os.NewSyscallError("setsockopt", err)
		}
	}
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
		return os.NewSyscallError("setsockopt", err)
	}
	if source := i / perSource; source > 0 && isLoopback(address) {
		// The port is chosen at connect, when the kernel knows the other end.
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1); err != nil {
			return os.NewSyscallError("setsockopt", err)
		}
		if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, byte(1 + source)}}); err != nil {
			return os.NewSyscallError("bind", err)
		}
	}
	err := unix.Connect(fd, address)
	if err == unix.EINTR {
		err = awaitConnect(fd)
	}
	return os.NewSyscallError("connect", err)
}

// awaitConnect waits for what a signal has interrupted: the kernel goes on, and
// connect must not be called again.
func awaitConnect(fd int) error {
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, int(connectTimeout/time.Millisecond))
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return err
		case n == 0:
			return unix.ETIMEDOUT
		}
		code, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
		if err == nil && code != 0 {
			err = unix.Errno(code)
		}
		return err
	}
}

// isLoopback reports whether all of 127.0.0.0/8 reaches the address.
func isLoopback(address unix.Sockaddr) bool {
	four, ok := address.(*unix.SockaddrInet4)
	return ok && four.Addr[0] == 127
}

func (s *socket) Read(b []byte) (int, error) {
	if s.drained {
		return 0, errWouldBlock{}
	}
	for {
		n, err := unix.Read(s.fd, b)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN && s.polled:
			return 0, errWouldBlock{}
		case err == unix.EAGAIN:
			return 0, errors.New("the server does not answer")
		case err != nil:
			return 0, os.NewSyscallError("read", err)
		case n == 0:
			return 0, io.EOF
		}
		s.drained = s.polled && n < len(b)
		return n, nil
	}
}

// poll makes reads return at once.
func (s *socket) poll() error {
	s.polled = true
	return os.NewSyscallError("fcntl", unix.SetNonblock(s.fd, true))
}

// Write writes all of b. It is little, so the socket takes it at once, even
// where it does not block.
func (s *socket) Write(b []byte) (int, error) {
	for written := 0; written < len(b); {
		n, err := unix.Write(s.fd, b[written:])
		if err != nil && err != unix.EINTR {
			return written, os.NewSyscallError("write", err)
		}
		written += max(n, 0)
	}
	return len(b), nil
}

func (s *socket) Close() error                     { return unix.Close(s.fd) }
func (s *socket) LocalAddr() net.Addr              { return nil }
func (s *socket) RemoteAddr() net.Addr             { return nil }
func (s *socket) SetDeadline(time.Time) error      { return nil }
func (s *socket) SetReadDeadline(time.Time) error  { return nil }
func (s *socket) SetWriteDeadline(time.Time) error { return nil }

// errWouldBlock is a read that has to wait. crypto/tls gives up a connection
// for any error that is not temporary.
type errWouldBlock struct{}

func (errWouldBlock) Error() string   { return "nothing to read" }
func (errWouldBlock) Timeout() bool   { return true }
func (errWouldBlock) Temporary() bool { return true }
