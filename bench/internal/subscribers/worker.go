//go:build linux

package subscribers

import (
	"io"
	"runtime"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/caddy-sse/caddy-sse/bench/internal/stamp"
)

// A worker reads a share of the connections, in one thread with one epoll: a
// goroutine for each would cost as much as what is measured.
type worker struct {
	epoll int

	mu          sync.Mutex
	connections map[int32]*connection // by file descriptor
	readers     []*reader             // of HTTP/3
	subscribers []*subscriber
	ended       int   // connections that the server, or an error, has ended
	failure     error // the first such error
	buffer      []byte
	tally
}

// A tally is what a worker has counted in a phase.
type tally struct {
	phase    uint8
	now      int64 // when what is being decoded was read
	last     int64 // when the last message came
	received uint64
	repeated uint64
	latency  latencies
}

func newWorker() (*worker, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	return &worker{epoll: epoll, connections: make(map[int32]*connection), buffer: make([]byte, 64<<10)}, nil
}

// add takes over a connection and those who share it.
func (w *worker) add(c *connection, subscribers []*subscriber) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	fd := int32(c.socket.fd)
	w.connections[fd] = c
	w.subscribers = append(w.subscribers, subscribers...)
	w.now = stamp.Now()
	for _, subscriber := range subscribers {
		subscriber.assign(w)
	}
	err := unix.EpollCtl(w.epoll, unix.EPOLL_CTL_ADD, c.socket.fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: fd})
	if err == nil && c.stream != io.ReadWriter(c.socket) {
		w.read(fd) // TLS may hold what the kernel no longer has
	}
	return err
}

func (w *worker) run() {
	runtime.LockOSThread()
	events := make([]unix.EpollEvent, 256)
	for {
		n, err := unix.EpollWait(w.epoll, events, -1)
		if err != nil && err != unix.EINTR {
			panic(err) // the epoll is ours, and so are its arguments
		}
		w.mu.Lock()
		for _, event := range events[:max(n, 0)] {
			w.read(event.Fd)
		}
		w.mu.Unlock()
	}
}

func (w *worker) read(fd int32) {
	c := w.connections[fd]
	if c == nil {
		return // it has been dropped since
	}
	w.now = stamp.Now()
	if err := c.receive(w.buffer); err != nil {
		w.ended++
		if w.failure == nil {
			w.failure = err
		}
		delete(w.connections, fd)
		c.socket.Close()
	}
}

// begin counts anew, messages of that phase only.
func (w *worker) begin(phase uint8) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tally = tally{phase: phase}
}

// drop closes all connections.
func (w *worker) drop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.connections {
		c.socket.Close()
	}
	clear(w.connections)
	for _, r := range w.readers {
		r.over = true
		go r.close() // it waits for who reads
	}
	w.readers = nil
	w.subscribers, w.ended, w.failure = nil, 0, nil
}
