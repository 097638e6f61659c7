//go:build linux

// Package floor is the least that a server can do which delivers each event with
// a write(2) of its own: nothing but these writes. What it takes is the floor
// that other servers are measured against.
package floor

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// worthwhile is from how many writes on they are left to another thread: to wake
// it costs more than a few of them.
const worthwhile = 16

// Process is the name under which the bench starts itself as a floor.
const Process = "floor"

// Main is the process. It says where it listens in a line on its standard
// output, and delivers each line of its standard input, a channel and a payload
// with a space between them, until that ends.
func Main() error {
	listener, address, err := listen()
	if err != nil {
		return err
	}
	shards := make([]*shard, runtime.GOMAXPROCS(0))
	for i := range shards {
		shards[i] = newShard()
		go shards[i].run()
	}
	go accept(listener, shards)
	fmt.Println(address)

	lines := bufio.NewReaderSize(os.Stdin, 1<<20)
	for {
		line, err := lines.ReadSlice('\n')
		if err != nil {
			return nil //nolint:nilerr // the bench is done
		}
		channel, payload, _ := bytes.Cut(line[:len(line)-1], []byte(" "))
		d := delivery{channel: string(channel), chunk: chunk(payload)}
		for _, s := range shards {
			switch n := s.listeners(d.channel); {
			case n >= worthwhile:
				s.deliveries <- d
			case n > 0:
				s.deliver(d)
			}
		}
	}
}

// chunk is an event with the payload as its data, as a chunk of a response.
func chunk(payload []byte) []byte {
	const before, after = "data: ", "\n\n"
	b := fmt.Appendf(nil, "%x\r\n%s", len(before)+len(payload)+len(after), before)
	b = append(b, payload...)
	return append(b, after+"\r\n"...)
}

// listen listens on a free port. The sockets are the kernel's alone: Go's
// network poller would make them non-blocking, and be told of each.
func listen() (fd int, address string, err error) {
	fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, "", err
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return 0, "", err
	}
	if err := unix.Listen(fd, 4096); err != nil {
		return 0, "", err
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		return 0, "", err
	}
	return fd, fmt.Sprintf("127.0.0.1:%d", name.(*unix.SockaddrInet4).Port), nil
}

// accept answers subscribers, one after another, and deals them out to shards.
func accept(listener int, shards []*shard) {
	request := make([]byte, 8<<10)
	for next := 0; ; next++ {
		fd, _, err := unix.Accept4(listener, unix.SOCK_CLOEXEC)
		if err != nil {
			fmt.Fprintln(os.Stderr, "floor: accept:", err)
			continue
		}
		channel, err := greet(fd, request)
		if err != nil {
			fmt.Fprintln(os.Stderr, "floor:", err)
			unix.Close(fd)
			continue
		}
		shards[next%len(shards)].add(channel, fd)
	}
}

const head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"

// greet reads a request and writes the head of its response. What it asks for
// is the last element of its path.
func greet(fd int, buffer []byte) (channel string, err error) {
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
		return "", err
	}
	var request []byte
	for !bytes.HasSuffix(request, []byte("\r\n\r\n")) {
		n, err := unix.Read(fd, buffer[len(request):])
		if err != nil || n <= 0 {
			return "", fmt.Errorf("a subscriber left before its request: %w", err)
		}
		request = buffer[:len(request)+n]
	}
	_, rest, _ := bytes.Cut(request, []byte(" "))
	path, _, _ := bytes.Cut(rest, []byte(" "))
	if _, err := unix.Write(fd, []byte(head)); err != nil {
		return "", err
	}
	return string(path[bytes.LastIndexByte(path, '/')+1:]), nil
}
