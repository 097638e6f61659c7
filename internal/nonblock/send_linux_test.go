package nonblock

import (
	"bytes"
	"testing"

	"golang.org/x/sys/unix"
)

// What a socket does not take is told, also where the socket itself would wait.
func TestSend(t *testing.T) {
	t.Parallel()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fds[0])
	defer unix.Close(fds[1])
	if n, err := Send(fds[0], nil); n != 0 || err != nil {
		t.Errorf("nothing: %d, %v", n, err)
	}
	if n, err := Send(fds[0], []byte("hi")); n != 2 || err != nil {
		t.Errorf("a little: %d, %v", n, err)
	}
	large := bytes.Repeat([]byte("0123456789abcdef"), 1<<20)
	n, err := Send(fds[0], large)
	if n <= 0 || n >= len(large) || err != nil {
		t.Fatalf("much: %d, %v", n, err)
	}
	for err == nil {
		var more int
		more, err = Send(fds[0], large[n:])
		n += more
	}
	if err != unix.EAGAIN {
		t.Errorf("a full socket: %v", err)
	}
	got := make([]byte, n+2)
	for have := 0; have < len(got); {
		some, err := unix.Read(fds[1], got[have:])
		if err != nil || some == 0 {
			t.Fatalf("after %d of %d bytes: %v", have, len(got), err)
		}
		have += some
	}
	if string(got[:2]) != "hi" || !bytes.Equal(got[2:], large[:n]) {
		t.Error("something else came")
	}
	if err := unix.Shutdown(fds[0], unix.SHUT_WR); err != nil {
		t.Fatal(err)
	}
	if _, err := Send(fds[0], []byte("x")); err != unix.EPIPE {
		t.Errorf("a socket whose end is said: %v", err)
	}
}
