package redisbroker

import (
	"sync"

	"github.com/caddy-sse/caddy-sse/internal/wake"
)

// A subscriptionSet is the channels that are to be subscribed to, and the names of
// those that were added or removed since the reader last asked.
type subscriptionSet struct {
	wake wake.Signal // set while something is dirty

	mu       sync.Mutex
	channels map[string]int // how many want each
	dirty    map[string]struct{}
}

func newSubscriptionSet() *subscriptionSet {
	return &subscriptionSet{
		wake:     wake.New(),
		channels: make(map[string]int),
		dirty:    make(map[string]struct{}),
	}
}

func (s *subscriptionSet) add(channel string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.channels[channel]++
	s.dirty[channel] = struct{}{}
	s.wake.Set()
}

func (s *subscriptionSet) remove(channel string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.channels[channel]--; s.channels[channel] > 0 {
		return
	}
	delete(s.channels, channel)
	s.dirty[channel] = struct{}{}
	s.wake.Set()
}

// put wants a channel so often.
func (s *subscriptionSet) put(channel string, times int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.channels[channel] = times
	s.dirty[channel] = struct{}{}
	s.wake.Set()
}

// take wants a channel no more, however often it was wanted.
func (s *subscriptionSet) take(channel string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.channels, channel)
	s.dirty[channel] = struct{}{}
	s.wake.Set()
}

func (s *subscriptionSet) has(channel string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, has := s.channels[channel]
	return has
}

// markDirty has the reader look at the channels once more.
func (s *subscriptionSet) markDirty(channels ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range channels {
		s.dirty[c] = struct{}{}
	}
	s.wake.Set()
}

// restart is for a new connection, which is subscribed to nothing yet.
func (s *subscriptionSet) restart() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.dirty)
	for c := range s.channels {
		s.dirty[c] = struct{}{}
	}
	s.wake.Set()
}

// drain returns at most n dirty names, which are clean then, each with whether it is
// in the set.
func (s *subscriptionSet) drain(n int) map[string]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	names := make(map[string]bool, min(n, len(s.dirty)))
	for c := range s.dirty {
		if len(names) == n {
			s.wake.Set()
			break
		}
		_, names[c] = s.channels[c]
		delete(s.dirty, c)
	}
	return names
}
