//go:build linux

package subscribers

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Service is what the process of subscribers does for the bench, by net/rpc.
type Service struct {
	workers []*worker
	stalled []*connection
}

// connecting is how many connect at once.
const connecting = 64

func newService() (*Service, error) {
	s := &Service{workers: make([]*worker, runtime.GOMAXPROCS(0))}
	for i := range s.workers {
		w, err := newWorker()
		if err != nil {
			return nil, err
		}
		s.workers[i] = w
		go w.run()
	}
	return s, nil
}

// A Crowd is who is to subscribe to what.
type Crowd struct {
	Target      Target
	Subscribers int
	// Channels are dealt out evenly.
	Channels int
	// Within is over how long they come, one after another; 0: as fast as they
	// can.
	Within time.Duration
}

// Connect subscribes a crowd, and returns when each has the head of its response.
func (s *Service) Connect(crowd Crowd, _ *int) error {
	e, err := crowd.Target.resolve()
	if err != nil {
		return err
	}
	began := time.Now()
	var next atomic.Int64
	var failed atomic.Pointer[error]
	var group sync.WaitGroup
	for range connecting {
		group.Go(func() {
			for failed.Load() == nil {
				i := int(next.Add(1)) - 1
				first := i * crowd.Target.PerConnection
				if first >= crowd.Subscribers {
					return
				}
				due := crowd.Within * time.Duration(first) / time.Duration(crowd.Subscribers)
				time.Sleep(due - time.Since(began))
				n := min(crowd.Target.PerConnection, crowd.Subscribers-first)
				if err := s.connect(e, i, first, n, crowd.Channels); err != nil {
					failed.CompareAndSwap(nil, &err)
				}
			}
		})
	}
	group.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}

// connect opens the i-th connection for n subscribers from the first on.
func (s *Service) connect(e *endpoint, i, first, n, channels int) error {
	w := s.workers[i%len(s.workers)]
	subscribers := make([]*subscriber, n)
	for j := range subscribers {
		subscribers[j] = &subscriber{channel: uint32((first + j) % channels), of: uint32(channels)}
	}
	if e.HTTP3 {
		return connectHTTP3(e, w, subscribers)
	}
	c, err := open(e, i, subscribers)
	if err != nil {
		return err
	}
	return w.add(c, subscribers)
}

// Begin starts to count messages of a phase, and forgets those of others.
func (s *Service) Begin(phase uint8, _ *int) error {
	for _, w := range s.workers {
		w.begin(phase)
	}
	return nil
}

// Received is how many messages of the phase have come so far.
func (s *Service) Received(_ int, received *uint64) error {
	for _, w := range s.workers {
		w.mu.Lock()
		*received += w.received
		w.mu.Unlock()
	}
	return nil
}

// An Account is what became of the messages of a phase.
type Account struct {
	// Received is how many deliveries there were, none counted twice.
	Received uint64
	// Missing is how many there were not.
	Missing uint64
	// Repeated came twice, or after a later one.
	Repeated uint64
	// Gaps is how often somebody was told that events may be missing.
	Gaps uint64
	// Last is when the last one came.
	Last int64
	// P50 and P99 are latencies from just before publishing to reading.
	P50, P99 time.Duration
	// Ended is how many connections did not last, and Failure why the first
	// of them did not.
	Ended   int
	Failure string
}

// Account tells of the phase, in which so many messages were published.
func (s *Service) Account(published int, a *Account) error {
	var all latencies
	for _, w := range s.workers {
		w.mu.Lock()
		for _, subscriber := range w.subscribers {
			a.Missing += uint64(subscriber.missing(w.phase, published))
			a.Gaps += subscriber.gaps
		}
		a.Received += w.received
		a.Repeated += w.repeated
		a.Last = max(a.Last, w.last)
		a.Ended += w.ended
		if w.failure != nil {
			a.Failure = w.failure.Error()
		}
		all.merge(&w.latency)
		w.mu.Unlock()
	}
	a.P50, a.P99 = all.quantile(0.5), all.quantile(0.99)
	return nil
}

// Drop ends all subscriptions.
func (s *Service) Drop(_ int, _ *int) error {
	for _, w := range s.workers {
		w.drop()
	}
	return nil
}
