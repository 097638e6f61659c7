//go:build linux

package floor

import (
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sys/unix"
)

// A shard is one core's share of the subscribers.
type shard struct {
	deliveries chan delivery

	mu      sync.Mutex
	sockets map[string][]int // by channel
}

type delivery struct {
	channel string
	chunk   []byte
}

func newShard() *shard {
	return &shard{deliveries: make(chan delivery, 1024), sockets: make(map[string][]int)}
}

func (s *shard) add(channel string, fd int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sockets[channel] = append(s.sockets[channel], fd)
}

// listeners is how many hear a channel.
func (s *shard) listeners(channel string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sockets[channel])
}

func (s *shard) run() {
	runtime.LockOSThread()
	for d := range s.deliveries {
		s.deliver(d)
	}
}

// deliver writes a chunk to each socket, waiting where one is full.
func (s *shard) deliver(d delivery) {
	s.mu.Lock()
	sockets := s.sockets[d.channel]
	s.mu.Unlock()
	var left []int
	for _, fd := range sockets {
		if _, err := unix.Write(fd, d.chunk); err != nil {
			left = append(left, fd)
		}
	}
	s.remove(d.channel, left)
}

func (s *shard) remove(channel string, left []int) {
	if len(left) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sockets[channel] = slices.DeleteFunc(s.sockets[channel], func(fd int) bool { return slices.Contains(left, fd) })
	for _, fd := range left {
		unix.Close(fd)
	}
}
