package transport

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// Whatever a client sends once its subscription is open, reading it ends, panics never,
// and keeps no more than a little memory.
func FuzzTLSInput(f *testing.F) {
	f.Add([]byte{21, 3, 3, 0, 2, 1, 0})
	f.Add([]byte{22, 3, 3, 0, 5, 24, 0, 0, 1, 1, 20, 3, 3, 0, 1, 1, 20, 3, 3, 0, 1, 1})
	f.Add([]byte{23, 3, 3, 64, 0, 1, 2, 3})
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"))
	f.Add(make([]byte, 20<<10))
	f.Fuzz(func(t *testing.T, sent []byte) {
		fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			t.Fatal(err)
		}
		here, there := os.NewFile(uintptr(fds[0]), ""), os.NewFile(uintptr(fds[1]), "")
		defer here.Close()
		defer there.Close()
		server, client, err := handshake(here, there)
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		defer server.NetConn().Close()
		l := new(tlsLayer)
		l.take(server, fds[0])
		for len(sent) > 0 && !l.deaf && err == nil {
			n, _ := unix.Write(fds[1], sent[:min(len(sent), 100)])
			sent = sent[max(n, 0):]
			err = l.listen()
			if size := tlsHas.inputSize(server); size > maxTLSInput && err == nil {
				t.Fatalf("%d bytes are kept", size)
			}
		}
		if len(l.sealed) > 1024 {
			t.Errorf("the answer has %d bytes", len(l.sealed))
		}
		if err != nil {
			return
		}
		if _, _ = l.flush(); len(l.sealed) > 0 {
			t.Errorf("%d bytes wait", len(l.sealed))
		}
		if n, _, err := l.write([]byte("hi")); err != nil || n != 2 {
			t.Errorf("%d bytes were written: %v", n, err)
		}
	})
}
