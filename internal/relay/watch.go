package relay

import (
	"sync"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/broker"
)

const (
	// lookEvery is after how long it is looked again whether a run of which nothing is
	// known has a gateway, at least.
	lookEvery = 2 * time.Second
	// lookLater is that for a channel where none had: others write to it, or its run is
	// over.
	lookLater = 30 * time.Second
)

// A watch looks whether the gateways of runs are still there that somebody waits for.
type watch struct {
	runs *Runs

	mu       sync.Mutex
	channels map[string]*watched
	wake     chan struct{}
	isOn     bool
}

type watched struct {
	readers int
	due     time.Time
}

func (w *watch) init(rs *Runs) {
	w.runs, w.channels, w.wake = rs, make(map[string]*watched), make(chan struct{}, 1)
}

func (w *watch) add(channel string) (remove func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := w.channels[channel]
	if c == nil {
		c = &watched{due: time.Now()}
		w.channels[channel] = c
		if !w.isOn {
			w.isOn = w.runs.start(w.run)
		}
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
	c.readers++
	return sync.OnceFunc(func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if c.readers--; c.readers == 0 {
			delete(w.channels, channel)
		}
	})
}

// start does it in the background, unless the gateway ends.
func (rs *Runs) start(do func()) bool {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if rs.ctx.Err() != nil {
		return false
	}
	rs.work.Go(do)
	return true
}

// run looks, until the end.
func (w *watch) run() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		due, next := w.due()
		for _, channel := range due {
			left, err := w.runs.broker.LookAtRun(w.runs.ctx, channel)
			w.looked(channel, left, err)
		}
		if len(due) > 0 {
			continue
		}
		timer.Reset(next)
		select {
		case <-timer.C:
		case <-w.wake:
		case <-w.runs.ctx.Done():
			return
		}
	}
}

// due are the channels to look at now, or for how long there are none.
func (w *watch) due() (channels []string, next time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	next = lookLater
	for channel, c := range w.channels {
		if wait := c.due.Sub(now); wait <= 0 {
			channels = append(channels, channel)
		} else {
			next = min(next, wait)
		}
	}
	return channels, next
}

func (w *watch) looked(channel string, left time.Duration, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := w.channels[channel]
	if c == nil {
		return
	}
	wait := lookLater
	switch {
	case err != nil && !broker.Final(err):
		wait = lookEvery
	case left > 0:
		wait = left + lookEvery/10
	}
	c.due = time.Now().Add(wait)
}
