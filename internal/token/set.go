package token

import (
	"context"
	"fmt"
	"sync"
	"time"
)

const (
	// Refresh is after how long a set of keys is read again.
	Refresh = 10 * time.Minute
	// Pause is how long it takes at least from one reading to the next, whatever
	// tokens come.
	Pause = 10 * time.Second
	// readTimeout is how long a reading may take.
	readTimeout = 5 * time.Second
	// maxTried is how many keys are tried for a token that names none.
	maxTried = 16
)

// A Set is a set of keys that its issuer changes from time to time. It is read when it is
// needed, again after a while, and when a token names a key that is not known. While it
// cannot be read, what was read before holds. It is safe for concurrent use.
type Set struct {
	read   func(context.Context) ([]byte, error)
	failed func(error)

	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu      sync.Mutex
	keys    []Key
	begun   time.Time     // when it was last begun to be read
	taken   time.Time     // and of what was read last
	reading chan struct{} // closed when the reading that is under way is over; nil: none is
}

// NewSet makes a set that is read by a function. Failed is told when that fails.
func NewSet(read func(context.Context) ([]byte, error), failed func(error)) *Set {
	s := &Set{read: read, failed: failed}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// Close ends the reading that is under way.
func (s *Set) Close() {
	s.mu.Lock()
	s.cancel()
	s.mu.Unlock()
	s.work.Wait()
}

// Of implements [Keys].
func (s *Set) Of(ctx context.Context, id string) ([]Key, error) {
	keys, reading, age := s.now(id)
	if len(keys) > 0 {
		return keys, nil
	}
	if reading != nil {
		select {
		case <-reading:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		keys, _, age = s.now(id)
	}
	switch {
	case len(keys) > 0:
		return keys, nil
	case age < Pause && reading != nil: // it was read because of this token
		return nil, fmt.Errorf("the token's key %q is none of the issuer's", id)
	}
	return nil, ErrUnavailable
}

// now returns the keys that a token may be signed with, as far as they are known, and what
// to wait for if they are not. It has them read where it is time.
func (s *Set) now(id string) (keys []Key, reading <-chan struct{}, age time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.keys {
		if k.ID == id && id != "" || k.ID == "" || id == "" && len(keys) < maxTried {
			keys = append(keys, k)
		}
	}
	now := time.Now()
	isDue := len(keys) == 0 || now.Sub(s.taken) >= Refresh
	if isDue && s.reading == nil && now.Sub(s.begun) >= Pause && s.ctx.Err() == nil {
		s.begun, s.reading = now, make(chan struct{})
		s.work.Go(s.refresh)
	}
	return keys, s.reading, now.Sub(s.taken)
}

// refresh reads the keys.
func (s *Set) refresh() {
	ctx, cancel := context.WithTimeout(s.ctx, readTimeout)
	defer cancel()
	text, err := s.read(ctx)
	var keys []Key
	if err == nil {
		keys, err = ParseJWKS(text)
	}
	if err != nil && s.ctx.Err() == nil {
		s.failed(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		s.keys, s.taken = keys, time.Now()
	}
	close(s.reading)
	s.reading = nil
}
