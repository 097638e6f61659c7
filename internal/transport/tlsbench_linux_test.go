package transport

import (
	"os"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/caddy-sse/caddy-sse/internal/eventstream"
)

// What a delivery over TLS costs besides the kernel, where as many connections as cannot
// be in the processor's caches take turns: their socket is one of
// datagrams that nobody reads.
func BenchmarkTLS(b *testing.B) {
	const connections = 4000
	sink := datagrams(b)
	loop := &clockLoop{}
	sockets := make([]*socket, connections)
	for i := range sockets {
		s := &socket{conn: takenConn{chunked: true}, tls: benchLayer(b, sink), fd: sink}
		s.loopOutlet = newLoopOutlet(loop, someOptions(), func(End) {}, s)
		sockets[i] = s
	}
	for _, bench := range []struct {
		name   string
		frames int
		size   int
	}{{"One", 1, 200}, {"Eight", 8, 200}, {"Large", 1, 100 << 10}} {
		b.Run(bench.name, func(b *testing.B) {
			frames := make([]*eventstream.Frame, bench.frames)
			for i := range frames {
				frames[i] = frameOf(strings.Repeat("x", bench.size))
			}
			b.ReportAllocs()
			before := cpuTime(b)
			for i := 0; b.Loop(); i++ {
				s := sockets[i%connections]
				for _, f := range frames {
					s.Send(f)
				}
				s.Flush()
			}
			b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N), "cpu-ns/op")
		})
	}
	runtime.KeepAlive(sockets)
}

// cpuTime is what the process has taken so far, in nanoseconds. Others may use the machine.
func cpuTime(b *testing.B) int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &t); err != nil {
		b.Fatal(err)
	}
	return t.Nano()
}

// datagrams is a socket that takes everything.
func datagrams(b *testing.B) int {
	fds := [2]int{}
	for i := range fds {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { unix.Close(fd) })
		fds[i] = fd
	}
	if err := unix.Bind(fds[0], &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		b.Fatal(err)
	}
	address, err := unix.Getsockname(fds[0])
	if err == nil {
		err = unix.Connect(fds[1], address)
	}
	if err != nil {
		b.Fatal(err)
	}
	return fds[1]
}

// benchLayer is that of a connection whose client is gone.
func benchLayer(b *testing.B, fd int) *tlsLayer {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		b.Fatal(err)
	}
	here, there := os.NewFile(uintptr(fds[0]), ""), os.NewFile(uintptr(fds[1]), "")
	defer here.Close()
	defer there.Close()
	server, client, err := handshake(here, there)
	if err != nil {
		b.Fatal(err)
	}
	below := server.NetConn()
	l := new(tlsLayer)
	l.take(server, fd)
	tlsHas.dropInput(server, true)
	_ = below.Close()
	_ = client.NetConn().Close()
	return l
}
