package transport

import (
	"errors"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// A Poller notices, for all sockets of a gateway, who has left and who can take
// more, and, over TLS, who says something. It is an epoll instance that Go's own poller waits for, so that its
// goroutine blocks no thread.
type Poller struct {
	epoll *os.File
	raw   syscall.RawConn
	fd    int

	mu      sync.Mutex
	sockets map[uint64]*socket
	last    uint64 // token: never used twice, so that a late event finds nobody
}

// NewPoller makes a poller. It runs until [Poller.Close].
func NewPoller() (*Poller, error) {
	takesTLS() // says in the log if not
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil { // or os.NewFile would not have it polled
		return nil, err
	}
	p := &Poller{epoll: os.NewFile(uintptr(fd), "epoll"), fd: fd, sockets: make(map[uint64]*socket)}
	if p.raw, err = p.epoll.SyscallConn(); err != nil {
		return nil, err
	}
	go p.run()
	return p, nil
}

// Close ends the poller. Its sockets have ended before.
func (p *Poller) Close() { _ = p.epoll.Close() } // nothing is written to it that could be lost

func (p *Poller) run() {
	events := make([]unix.EpollEvent, 256)
	// Read waits for the epoll instance to be readable each time the function
	// returns false, and fails when it is closed.
	_ = p.raw.Read(func(uintptr) bool {
		for {
			n, err := unix.EpollWait(p.fd, events, 0)
			if errors.Is(err, unix.EINTR) {
				continue
			}
			if n <= 0 {
				return false
			}
			for _, e := range events[:n] {
				p.notify(uint64(uint32(e.Fd))|uint64(uint32(e.Pad))<<32, e.Events)
			}
		}
	})
}

func (p *Poller) notify(token uint64, events uint32) {
	p.mu.Lock()
	s := p.sockets[token]
	p.mu.Unlock()
	if s != nil {
		s.loop.Do(func() { s.notified(events) })
	}
}

// add has the socket's client watched for leaving.
func (p *Poller) add(s *socket) error {
	p.mu.Lock()
	p.last++
	s.token = p.last
	p.sockets[s.token] = s
	p.mu.Unlock()
	return p.control(unix.EPOLL_CTL_ADD, s)
}

// change has it watched for what it waits for now: room, once, if it is blocked, and
// what the client says.
func (p *Poller) change(s *socket) error { return p.control(unix.EPOLL_CTL_MOD, s) }

// remove is called before the socket is closed.
func (p *Poller) remove(s *socket) {
	p.mu.Lock()
	delete(p.sockets, s.token)
	p.mu.Unlock()
	_ = p.control(unix.EPOLL_CTL_DEL, s) // it may not have been added
}

// control asks for edges only: each state is told once.
func (p *Poller) control(op int, s *socket) error {
	events := s.watch
	if s.blocked {
		events |= unix.EPOLLOUT
	}
	e := unix.EpollEvent{
		Events: events | unix.EPOLLRDHUP | unix.EPOLLET,
		Fd:     int32(uint32(s.token)),
		Pad:    int32(uint32(s.token >> 32)),
	}
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(p.fd, op, s.fd, &e))
}
