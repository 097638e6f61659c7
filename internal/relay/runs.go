package relay

import (
	"context"
	crand "crypto/rand"
	"errors"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-sse/caddy-sse/internal/broker"
	"github.com/caddy-sse/caddy-sse/internal/protocol"
	"github.com/caddy-sse/caddy-sse/internal/ratelog"
)

const (
	// lease is after how long a run is taken for lost whose gateway says nothing of it.
	lease = 15 * time.Second
	// renewEvery is how often it does.
	renewEvery = lease / 3
)

// A Broker is what runs need of one.
type Broker interface {
	broker.Runs
	broker.Archive
	Publish(ctx context.Context, channel, payload string) (receivers int64, err error)
	Listen(channel string)
}

// Runs are those of a gateway. They outlive the configurations by which they came.
type Runs struct {
	broker Broker
	log    func() *zap.Logger
	watch  watch

	// Ended, if it is set before the first run begins, is called with how each ended.
	Ended func(protocol.EndReason)

	mu      sync.Mutex
	runs    map[string]*Run // by their tokens
	closing bool
	changed chan struct{} // closed, and made again, when one is no more
	listens bool          // to StopChannel

	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup
	failed ratelog.Limiter
}

// New makes an empty Runs.
func New(b Broker, log func() *zap.Logger) *Runs {
	r := &Runs{broker: b, log: log, runs: make(map[string]*Run), changed: make(chan struct{})}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	r.watch.init(r)
	return r
}

// Options say how a run is kept.
type Options struct {
	// Window is how long an event waits for others before they are stored together.
	Window time.Duration
	// TTL is how long after its last event the run is kept.
	TTL time.Duration
	// MaxEvents and MaxSize are how many events and bytes of a run are kept.
	MaxEvents int
	MaxSize   int64
	// Abandon is after how long without anybody who reads it a run is stopped; 0: never.
	Abandon time.Duration
}

// ErrClosing is the reason for which no run begins.
var ErrClosing = errors.New("the gateway ends")

// Acquire makes a run of a channel, if no other is on; else it is nil. What it has found
// says where that begins; zero: it has not begun yet, and may never. The run is over when
// it has ended, or was released; until then its channel's lease is renewed.
func (rs *Runs) Acquire(ctx context.Context, channel string, o Options) (run *Run, found broker.RunLease, err error) {
	run = newRun(rs, channel, strings.ToLower(crand.Text()[:16]), o)
	if found, err = rs.broker.AcquireRun(ctx, channel, run.holder()); err != nil || found.IsHeld {
		return nil, found, err
	}
	run.acquired(&found)
	if !rs.add(run) {
		run.Release()
		run.store()
		return nil, found, ErrClosing
	}
	return run, found, nil
}

// add has the run stored, unless no more are taken.
func (rs *Runs) add(run *Run) bool {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if rs.closing {
		return false
	}
	if !rs.listens {
		rs.listens = true
		rs.broker.Listen(protocol.StopChannel)
	}
	rs.runs[run.Token] = run
	rs.work.Go(func() {
		defer rs.remove(run)
		run.store()
	})
	return true
}

func (rs *Runs) remove(run *Run) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	delete(rs.runs, run.Token)
	close(rs.changed)
	rs.changed = make(chan struct{})
}

// Len is how many runs there are.
func (rs *Runs) Len() int {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	return len(rs.runs)
}

// Stop stops the channel's run, on whatever gateway, if it has that token; "*": whichever
// it has. It reports whether one was on.
func (rs *Runs) Stop(ctx context.Context, channel, token string) (isOn bool, err error) {
	token, err = rs.broker.StopRun(ctx, channel, token)
	if token == "" || err != nil {
		return false, err
	}
	if _, err := rs.broker.Publish(ctx, protocol.StopChannel, token); err != nil {
		return true, err
	}
	return true, nil
}

// Stopped takes what was published to StopChannel.
func (rs *Runs) Stopped(token string) {
	rs.mu.Lock()
	run := rs.runs[token]
	rs.mu.Unlock()
	if run != nil {
		run.End(protocol.EndStopped)
	}
}

// storeAtEnd is for how long runs that are ended when the gateway ends may take to store
// that.
const storeAtEnd = 2 * time.Second

// Drain lets the runs go on for that time, and then ends those that have not as lost. It
// returns when all are stored, or soon after. From its beginning on none begins.
func (rs *Runs) Drain(d time.Duration) {
	rs.mu.Lock()
	rs.closing = true
	rs.mu.Unlock()
	rs.await(d)
	rs.mu.Lock()
	var left []*Run
	for _, run := range rs.runs {
		left = append(left, run)
	}
	rs.mu.Unlock()
	for _, run := range left {
		run.End(protocol.EndLost)
	}
	rs.await(storeAtEnd)
}

// await waits until there are no runs, for so long at most.
func (rs *Runs) await(d time.Duration) {
	timeout := time.After(d)
	for {
		rs.mu.Lock()
		n, changed := len(rs.runs), rs.changed
		rs.mu.Unlock()
		if n == 0 {
			return
		}
		select {
		case <-changed:
		case <-timeout:
			return
		}
	}
}

// Close gives up what is not stored yet, and returns when nothing goes on.
func (rs *Runs) Close() {
	rs.mu.Lock()
	rs.closing = true
	rs.mu.Unlock()
	rs.cancel()
	rs.work.Wait()
}

// Watch has the end of the channel's run told by this gateway if its own is gone, until
// the function that is returned is called.
func (rs *Runs) Watch(channel string) (unwatch func()) { return rs.watch.add(channel) }
