package redisbroker

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"github.com/caddy-sse/caddy-sse/internal/broker"
	"github.com/caddy-sse/caddy-sse/internal/wake"
)

const (
	// decideWithin is how long the first decision waits until all sentinels have
	// answered.
	decideWithin = 500 * time.Millisecond
	// checkTimeout is how long a server may take to say that it is a master.
	checkTimeout = time.Second
	// checkAgain is after how long one is asked again that said no.
	checkAgain = 300 * time.Millisecond
	// floorFor is after how long without a master older epochs count again, and the one
	// that there was is one of several: an epoch that was not true must not lock out all
	// others for ever.
	floorFor = 5 * time.Second
	// disagreeFor is for how long a sentinel may name another master, before that is
	// worth a line: they learn of a fail-over one after the other.
	disagreeFor = 5 * time.Second
)

// A finder knows where the master is: it decides by what all sentinels answer. The
// highest epoch counts, it is never gone back to a lower one, and the server itself has
// to say that it is a master.
type finder struct {
	broker    *Broker
	conns     *connections // to the master
	name      string
	sentinels []*sentinel
	// check returns why the server at the address is no master to be used; nil if it is.
	check func(ctx context.Context, addr string) error

	news  wake.Signal   // a sentinel has answered
	moved wake.Signal   // the master is elsewhere
	first chan struct{} // closed when it was decided once

	mu      sync.Mutex
	addr    string    // empty while none is known
	why     error     // that is so
	doubted bool      // the server there says that it is no master
	lostAt  time.Time // since when there is no connection to it; zero if there is one
	states  []sentinelState

	// Of the goroutine that decides.
	floor   int64 // lower epochs are past
	refused map[string]refusal
}

// A sentinelState is what is known of one sentinel.
type sentinelState struct {
	report  report
	problem string    // why it is of no use; empty if it is
	differs time.Time // since when it has named another master; zero if it does not
}

// A refusal is why a server was not taken as the master.
type refusal struct {
	at  time.Time
	err error
}

// newFinder makes a finder that asks nobody until it runs. The options are those of
// connections to sentinels.
func newFinder(b *Broker, conns *connections, s *Sentinel, o *redis.Options, check func(context.Context, string) error) *finder {
	f := &finder{
		broker: b, conns: conns, name: s.Master, check: check,
		news: wake.New(), moved: wake.New(), first: make(chan struct{}),
		states: make([]sentinelState, len(s.Addresses)), refused: make(map[string]refusal),
	}
	for i, addr := range s.Addresses {
		at := *o
		at.Addr = addr
		f.sentinels = append(f.sentinels, &sentinel{
			addr: addr, master: s.Master, client: redis.NewClient(&at), askNow: wake.New(),
			told: func(a report) { f.answered(i, a) }, where: f.address,
		})
	}
	return f
}

// run looks for the master until the context ends.
func (f *finder) run(ctx context.Context) {
	var work sync.WaitGroup
	for _, s := range f.sentinels {
		work.Go(func() { s.run(ctx) })
		work.Go(func() { s.receive(ctx) })
	}
	f.awaitAll(ctx)
	for ctx.Err() == nil {
		f.decide(ctx)
		f.complain()
		select {
		case <-f.news:
		case <-ctx.Done():
		}
	}
	work.Wait()
	for _, s := range f.sentinels {
		_ = s.client.Close() // it only says that it was closed before
	}
}

// awaitAll waits until all sentinels have answered, but not for long.
func (f *finder) awaitAll(ctx context.Context) {
	within := time.After(decideWithin)
	for {
		f.mu.Lock()
		isMissing := slices.ContainsFunc(f.states, func(s sentinelState) bool { return s.report.at.IsZero() })
		f.mu.Unlock()
		if !isMissing {
			return
		}
		select {
		case <-f.news:
		case <-within:
			return
		case <-ctx.Done():
			return
		}
	}
}

// answered takes what a sentinel answers.
func (f *finder) answered(i int, a report) {
	f.mu.Lock()
	f.states[i].report = a
	f.mu.Unlock()
	f.news.Set()
}

// address is where the master is; empty while none is known.
func (f *finder) address() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.addr
}

// where is where the master is, for who dials. It waits for nothing but the first
// decision.
func (f *finder) where(ctx context.Context) (string, error) {
	select {
	case <-f.first:
	case <-ctx.Done():
		return "", ctx.Err()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.addr == "" {
		return "", f.why
	}
	return f.addr, nil
}

// lost has all sentinels asked at once, since the connection has ended; isReplica says
// that it was at a server that is no master any more.
func (f *finder) lost(isReplica bool) {
	f.mu.Lock()
	f.doubted = f.doubted || isReplica
	if f.lostAt.IsZero() {
		f.lostAt = time.Now()
	}
	f.mu.Unlock()
	for _, s := range f.sentinels {
		s.askNow.Set()
	}
}

// connected says that there is a connection.
func (f *finder) connected() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lostAt = time.Time{}
}

// A candidate is a server that sentinels name as the master.
type candidate struct {
	addr  string
	epoch int64 // the highest that they say of it
	votes int
}

// candidates are the servers that sentinels name, the likeliest first, and the one that
// needs no check; isLost says that there has been no connection for long.
func (f *finder) candidates() (list []candidate, current string, isLost bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.states {
		a := s.report
		if a.at.IsZero() || a.err != nil || time.Since(a.at) > freshFor {
			continue
		}
		i := slices.IndexFunc(list, func(c candidate) bool { return c.addr == a.addr })
		if i < 0 {
			i, list = len(list), append(list, candidate{addr: a.addr})
		}
		list[i].epoch = max(list[i].epoch, a.epoch)
		list[i].votes++
	}
	slices.SortStableFunc(list, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.epoch, a.epoch), cmp.Compare(b.votes, a.votes))
	})
	isLost = !f.lostAt.IsZero() && time.Since(f.lostAt) > floorFor
	if !f.doubted && !isLost {
		current = f.addr
	}
	return list, current, isLost
}

// decide finds out where the master is.
func (f *finder) decide(ctx context.Context) {
	list, current, isLost := f.candidates()
	if isLost {
		f.floor = 0
	}
	var refused error
	for _, c := range list {
		if c.epoch < f.floor {
			continue
		}
		if c.addr != current {
			if err := f.checkOnce(ctx, c.addr); err != nil {
				if refused == nil {
					refused = err
				}
				continue
			}
			f.move(c)
		}
		f.floor = c.epoch
		return
	}
	f.mu.Lock()
	f.why = f.whyNone(refused)
	f.mu.Unlock()
	f.decided()
}

// checkOnce checks whether a server is a master, unless it has just said no.
func (f *finder) checkOnce(ctx context.Context, addr string) error {
	if last, ok := f.refused[addr]; ok && time.Since(last.at) < checkAgain {
		return last.err
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	err := f.check(ctx, addr)
	delete(f.refused, addr)
	if err != nil {
		if len(f.refused) > len(f.sentinels) {
			clear(f.refused)
		}
		f.refused[addr] = refusal{time.Now(), err}
	}
	return err
}

// move has all connections made to another server from now on.
func (f *finder) move(c candidate) {
	f.mu.Lock()
	from := f.addr
	f.addr, f.why, f.doubted = c.addr, nil, false
	f.mu.Unlock()
	f.conns.moveTo(c.addr)
	if from != "" && from != c.addr {
		f.broker.log().Info("redis' master has moved",
			zap.String("master", f.name), zap.String("from", from), zap.String("to", c.addr), zap.Int64("epoch", c.epoch))
	}
	f.decided()
	f.moved.Set()
}

func (f *finder) decided() {
	select {
	case <-f.first:
	default:
		close(f.first)
	}
}

// masterCheck returns a check whether a server is a master: it is asked as a reader
// asks, by a connection of its own.
func masterCheck(o *redis.Options, d dial) func(context.Context, string) error {
	return func(ctx context.Context, addr string) error {
		own := *o
		own.Addr, own.Dialer = addr, failAtUse(d)
		client := redis.NewClient(&own)
		defer client.Close()
		for _, question := range roleQuestions {
			reply, err := client.Do(ctx, question.command...).Result()
			switch {
			case err == nil && question.isReplica(reply):
				return errReplica
			case err == nil:
				return nil
			case causeOf(err) == broker.CauseReplica, !errors.As(err, new(redis.Error)), causeOf(err) == broker.CauseCredentials:
				return err
			}
		}
		return nil // nobody may ask it, but the sentinels
	}
}

// hasMoved is set when the master is elsewhere; one of no finder never is.
func (f *finder) hasMoved() wake.Signal {
	if f == nil {
		return nil
	}
	return f.moved
}

// sentinelOptions are those of connections to sentinels: as to Redis itself, with other
// secrets.
func sentinelOptions(o *redis.Options, secrets *secrets) *redis.Options {
	own := *o
	own.Network, own.DB, own.PoolSize, own.MinIdleConns = "tcp", 0, 2, 0
	own.CredentialsProviderContext = func(context.Context) (username, password string, err error) {
		read := secrets.last.Load() // for the connection that has just been made
		return read.SentinelUsername, read.SentinelPassword, nil
	}
	own.Dialer = failAtUse(newDialer(o.DialTimeout, func() *tls.Config { return secrets.now().SentinelTLS }))
	return &own
}
