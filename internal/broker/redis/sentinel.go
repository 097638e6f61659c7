package redisbroker

import (
	"context"
	"errors"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-sse/caddy-sse/internal/broker"
	"github.com/caddy-sse/caddy-sse/internal/jitter"
	"github.com/caddy-sse/caddy-sse/internal/wake"
)

const (
	// askEvery is how often each sentinel is asked where the master is.
	askEvery = time.Second
	// freshFor is how long what a sentinel has answered counts.
	freshFor = 5 * time.Second
	// quietFor is after how long without a word a subscription to a sentinel's events
	// is looked at.
	quietFor = 10 * time.Second
	// switchEvent is what sentinels publish when there is a new master.
	switchEvent = "+switch-master"
)

var (
	errUnknownName = errors.New("the sentinel does not know a master of this name")
	errNoSentinel  = errors.New("the server is no Sentinel")
)

// A sentinel is one of those who know where the master is: it is asked again and
// again, and tells when there is another.
type sentinel struct {
	addr   string
	master string // the name
	client *redis.Client
	askNow wake.Signal   // to ask at once
	told   func(report)  // of each answer
	where  func() string // where the master is known to be; empty if it is not known
}

// A report is what a sentinel knows.
type report struct {
	at    time.Time
	addr  string // of the master
	epoch int64  // of its configuration: higher is newer
	err   error
}

// ask asks the sentinel where the master is. SENTINEL MASTER has the epoch, but, for
// up to 10 seconds after a fail-over, the old master's address.
func (s *sentinel) ask(ctx context.Context) report {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	pipe := s.client.Pipeline()
	where := pipe.Do(ctx, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", s.master)
	about := pipe.Do(ctx, "SENTINEL", "MASTER", s.master)
	_, err := pipe.Exec(ctx)
	a := report{at: time.Now()}
	if where.Err() == nil && about.Err() == nil && err != nil {
		a.err = err // a new connection is refused, of which go-redis tells the commands nothing
		return a
	}
	pair, whereErr := where.StringSlice()
	fields, aboutErr := about.Slice()
	switch {
	case errors.Is(whereErr, redis.Nil), aboutErr != nil && strings.Contains(aboutErr.Error(), "No such master"):
		a.err = errUnknownName
	case whereErr != nil && causeOf(whereErr) == broker.CauseUnknownCommand:
		a.err = errNoSentinel
	case whereErr != nil:
		a.err = whereErr
	case aboutErr != nil:
		a.err = aboutErr
	case len(pair) != 2:
		a.err = errNoSentinel
	default:
		a.addr = net.JoinHostPort(pair[0], pair[1])
		text, _ := helloField(fields, "config-epoch").(string)
		a.epoch, _ = strconv.ParseInt(text, 10, 64)
	}
	return a
}

// run asks until the context ends.
func (s *sentinel) run(ctx context.Context) {
	for tries := 0; ; tries++ {
		s.told(s.ask(ctx))
		wait := jitter.Spread(askEvery, 0.1)
		if s.where() != "" {
			tries = 0
		} else {
			wait = min(wait, jitter.Backoff(firstPause, askEvery, tries))
		}
		select {
		case <-time.After(wait):
		case <-s.askNow:
		case <-ctx.Done():
			return
		}
	}
}

// receive has the sentinel asked as soon as it says that there is another master,
// until the context ends.
func (s *sentinel) receive(ctx context.Context) {
	for tries := 0; ctx.Err() == nil; tries++ {
		began := time.Now()
		s.receiveOnce(ctx)
		if time.Since(began) > quietFor {
			tries = 0
		}
		select {
		case <-time.After(jitter.Backoff(firstPause, lastPause, tries)):
		case <-ctx.Done():
		}
	}
}

// receiveOnce receives by one connection, until it fails. That it does is told of by
// the questions.
func (s *sentinel) receiveOnce(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	pubsub := s.client.Subscribe(ctx)
	context.AfterFunc(ctx, func() { _ = pubsub.Close() }) // which ends Receive
	if pubsub.Subscribe(ctx, switchEvent) != nil {
		return
	}
	for isAsked := false; ctx.Err() == nil; {
		received, err := pubsub.ReceiveTimeout(ctx, quietFor)
		var timeout net.Error
		switch {
		case err == nil:
			isAsked = false
			if m, ok := received.(*redis.Message); ok && s.isNews(m.Payload) {
				s.askNow.Set()
			}
		case errors.As(err, &timeout) && timeout.Timeout() && !isAsked:
			isAsked = true
			if pubsub.Ping(ctx) != nil {
				return
			}
		default:
			return
		}
	}
}

// isNews reports whether the event, `<name> <old host> <old port> <host> <port>`, is of
// a master elsewhere than where it is known to be. Each sentinel says so itself, up to 2
// seconds after the first.
func (s *sentinel) isNews(event string) bool {
	fields := strings.Fields(event)
	return len(fields) == 5 && fields[0] == s.master && net.JoinHostPort(fields[3], fields[4]) != s.where()
}

// sentinelProblem says in a sentence why a sentinel is of no use.
func sentinelProblem(err error) string {
	switch {
	case errors.Is(err, errUnknownName):
		return "it does not know a master of this name"
	case errors.Is(err, errNoSentinel):
		return "it is no Sentinel"
	}
	switch causeOf(err) {
	case broker.CauseNone:
		return ""
	case broker.CauseUnreachable:
		return "it cannot be reached"
	case broker.CauseSilent:
		return "it does not answer"
	case broker.CauseCertificate:
		return "the TLS handshake with it fails"
	case broker.CauseCredentials:
		return "it refuses the username or password"
	case broker.CauseDenied:
		return "it denies this user what the gateway asks (ACL)"
	}
	return "it refuses to answer"
}
