// Package nonblock writes to sockets as cheaply as the kernel allows, without waiting.
package nonblock

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Send writes as much of p as the socket takes at once, and returns how much that is;
// with EAGAIN it is nothing. The socket need not be in non-blocking mode.
//
// Of write(2) by package unix, a tenth is what is left out here: the kernel's way through
// its files, and what Go's scheduler does around a call that may wait. It is safe for
// concurrent use, as the descriptor is.
func Send(fd int, p []byte) (n int, err error) {
	if len(p) == 0 {
		return 0, nil
	}
	sent, _, code := syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)), //nolint:gosec // the call is over before p can go
		unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
	if code != 0 {
		return 0, code
	}
	return int(sent), nil
}
