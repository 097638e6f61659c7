package http2

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// A poller notices which parked clients say something. It is an epoll instance that Go's
// own poller waits for, so that its goroutine blocks no thread.
type poller struct {
	fd   int
	file *os.File
	raw  syscall.RawConn

	mu       sync.Mutex
	sessions map[uint64]*Session
	last     uint64 // token: never used twice, so that a late event finds nobody
}

// parked is the poller of all parked connections of the process; nil where there can be
// none.
func parked() *poller {
	beginPolling.Do(func() { thePoller.Store(newPoller()) })
	return thePoller.Load()
}

var (
	beginPolling sync.Once
	thePoller    atomic.Pointer[poller]
)

// Parked is how many connections are parked. It is safe for concurrent use.
func Parked() int {
	p := thePoller.Load()
	if p == nil {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.sessions)
}

func newPoller() *poller {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil || unix.SetNonblock(fd, true) != nil { // or os.NewFile would not have it polled
		return nil
	}
	p := &poller{fd: fd, file: os.NewFile(uintptr(fd), "epoll"), sessions: make(map[uint64]*Session)}
	if p.raw, err = p.file.SyscallConn(); err != nil {
		return nil
	}
	go p.run()
	return p
}

func (p *poller) run() {
	events := make([]unix.EpollEvent, 256)
	var again []*Session // that have more to be read
	// Read waits for the epoll instance to be readable each time the function returns
	// false. It is never closed.
	_ = p.raw.Read(func(uintptr) bool {
		for {
			n, err := unix.EpollWait(p.fd, events, 0)
			if errors.Is(err, unix.EINTR) {
				continue
			}
			ready := again
			again = nil
			for _, e := range events[:max(n, 0)] {
				if s := p.of(uint64(uint32(e.Fd)) | uint64(uint32(e.Pad))<<32); s != nil {
					ready = append(ready, s)
				}
			}
			for _, s := range ready {
				if s.noteEvents() {
					again = append(again, s)
				}
			}
			if len(ready) == 0 {
				return false
			}
		}
	})
}

func (p *poller) of(token uint64) *Session {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sessions[token]
}

// add has a session's socket watched. It asks for edges only: each state is told once.
func (p *poller) add(s *Session) (token uint64, ok bool) {
	p.mu.Lock()
	p.last++
	token = p.last
	p.sessions[token] = s
	p.mu.Unlock()
	e := unix.EpollEvent{
		Events: unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLET&(1<<32-1),
		Fd:     int32(uint32(token)),
		Pad:    int32(uint32(token >> 32)),
	}
	if unix.EpollCtl(p.fd, unix.EPOLL_CTL_ADD, s.layer.fd, &e) != nil {
		p.forget(token)
		return 0, false
	}
	return token, true
}

// remove is called while the socket is open.
func (p *poller) remove(s *Session, token uint64) {
	p.forget(token)
	_ = unix.EpollCtl(p.fd, unix.EPOLL_CTL_DEL, s.layer.fd, nil) // nobody would be found
}

func (p *poller) forget(token uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.sessions, token)
}
