package bus

import (
	"context"
	"crypto/rand"
	"errors"
	"time"
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
	started chan bool     // whether it goes by PUBLISH, once that is known
	back    chan struct{} // holds a token when it came back
}

func newProbe() probe {
	return probe{
		channel: probePrefix + rand.Text(),
		started: make(chan bool, 1),
		back:    make(chan struct{}, 1),
	}
}

func (p *probe) start(publish bool) { p.started <- publish }

func (p *probe) hear() {
	select {
	case p.back <- struct{}{}:
	default:
	}
}

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
		err := r.probeOnce(ctx, publish)
		switch {
		case Denied(err) && publish:
			publish = false // it may listen there, but not publish
			continue
		case err != nil:
			return err
		case !isConnected:
			isConnected = true
			r.bus.connected()
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (r *reader) probeOnce(ctx context.Context, publish bool) error {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	before, began := r.heard.Load(), time.Now()
	if err := r.sendProbe(ctx, publish); Denied(err) || errors.Is(err, errElsewhere) {
		return err
	}
	select {
	case <-r.probe.back:
		r.bus.noteRoundTrip(time.Since(began))
		return nil
	case <-ctx.Done():
		// It may be on its way behind a flood: whatever came in shows that the
		// connection lives.
		if errors.Is(ctx.Err(), context.DeadlineExceeded) && r.heard.Load() == before {
			return errNoAnswer
		}
		return nil
	}
}

func (r *reader) sendProbe(ctx context.Context, publish bool) error {
	if !publish {
		return r.pubsub.Ping(noRedial)
	}
	receivers, err := r.bus.client.Publish(ctx, r.probe.channel, "").Result()
	if err == nil && receivers == 0 {
		return errElsewhere
	}
	return err
}
