package redisbroker

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-sse/caddy-sse/internal/broker"
	"github.com/caddy-sse/caddy-sse/internal/wake"
)

const (
	// probePrefix begins the names of the channels that probes go through. An
	// ACL has to allow them.
	probePrefix = "sse.probe."
	// probeEvery and answerTimeout together bound how late a frozen Redis, or a
	// connection that is dead without a word, is noticed.
	probeEvery = time.Second
)

var (
	errNoAnswer  = errors.New("redis did not hand back the probe in time")
	errReplica   = errors.New("redis is a replica")
	errElsewhere = errors.New("redis answers, but on another server than the one that is listened to")
)

// A probe goes the way of every message: published by one connection, heard by
// another. A PING would be answered by a server that nobody publishes to.
type probe struct {
	channel string
	started chan bool   // whether it goes by PUBLISH, once that is known
	back    wake.Signal // set when it came back
}

func newProbe() probe {
	return probe{
		channel: probePrefix + rand.Text(),
		started: make(chan bool, 1),
		back:    wake.New(),
	}
}

func (p *probe) start(publish bool) { p.started <- publish }

// watch says that the connection is there when the first probe has come back,
// and returns when it hears nothing, though it should.
func (r *reader) watch(ctx context.Context) error {
	var publish bool
	select {
	case publish = <-r.probe.started:
	case <-time.After(answerTimeout):
		return errNoAnswer
	case <-ctx.Done():
		return ctx.Err()
	}
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	for isConnected := false; ; {
		err := r.probeOnce(ctx, publish, isConnected)
		switch {
		case denied(err) && publish:
			publish = false // it may listen there, but not publish
			continue
		case err != nil:
			return err
		case !isConnected:
			isConnected = true
			r.node.connected()
			close(r.connected)
		}
		select {
		case <-tick.C:
		case <-r.node.demoted:
			return errReplica
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (r *reader) probeOnce(ctx context.Context, publish, isConnected bool) error {
	began := time.Now()
	sending, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	if err := r.sendProbe(sending, publish, isConnected); err != nil {
		return err
	}
	for {
		// It may be on its way behind a flood: as long as something comes in, the
		// connection lives. The last words of one that is broken do not count for long.
		quiet := min(time.Since(began), time.Since(r.began)-time.Duration(r.lastReceived.Load()))
		switch {
		case quiet >= answerTimeout:
			return errNoAnswer
		case time.Since(began) >= 2*answerTimeout:
			return nil // another one may have more luck
		}
		select {
		case <-r.probe.back:
			r.node.noteRoundTrip(time.Since(began))
			return nil
		case <-time.After(answerTimeout - quiet):
		case <-ctx.Done():
			return nil
		}
	}
}

// sendAgain is after how long a probe is sent again that could not be sent.
const sendAgain = 50 * time.Millisecond

// sendProbe sends a probe, again and again until it has been sent or the time is
// over: the connection that it was to go by may have been cut a while ago.
func (r *reader) sendProbe(ctx context.Context, publish, isConnected bool) error {
	for publish {
		err := r.publishProbe(ctx)
		switch causeOf(err) {
		case broker.CauseNone, broker.CauseSilent:
			return nil // it may come back all the same
		case broker.CauseUnreachable:
			if errors.Is(err, errElsewhere) {
				return err
			}
			select {
			case <-time.After(sendAgain):
			case <-ctx.Done():
				return nil
			}
		case broker.CauseDenied, broker.CauseReplica:
			return err
		default:
			if !isConnected {
				return err
			}
			// Redis refuses a new connection, as to many a client, or to one with an
			// old password. Those that there are may be as good as before.
			publish = false
		}
	}
	return r.pubsub.Ping(noRedial)
}

// publishProbe publishes the probe, and asks by the same connection whether it
// leads to a replica.
func (r *reader) publishProbe(ctx context.Context) error {
	pipe := r.node.client.Pipeline()
	published := pipe.Publish(ctx, r.probe.channel, "")
	var role *redis.Cmd
	if len(r.roleQuestions) > 0 {
		role = pipe.Do(ctx, r.roleQuestions[0].command...)
	}
	_, _ = pipe.Exec(ctx) // each command has its own error
	receivers, err := published.Result()
	if err != nil {
		return err
	}
	if receivers == 0 {
		return errElsewhere
	}
	for ; role != nil; role = r.node.client.Do(ctx, r.roleQuestions[0].command...) {
		reply, err := role.Result()
		if err == nil {
			question := r.roleQuestions[0]
			if question.isReplica(reply) {
				return errReplica
			}
			if question.isCluster != nil {
				r.node.noteClustered(question.isCluster(reply))
			}
			break
		}
		if causeOf(err) == broker.CauseReplica || !errors.As(err, new(redis.Error)) {
			return err
		}
		if r.roleQuestions = r.roleQuestions[1:]; len(r.roleQuestions) == 0 {
			break // it is noticed when Redis refuses to write
		}
	}
	return nil
}
