package publish

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"go.uber.org/zap"

	"github.com/caddy-sse/caddy-sse/internal/bounds"
	"github.com/caddy-sse/caddy-sse/internal/broker"
	"github.com/caddy-sse/caddy-sse/internal/ratelog"
)

const (
	// maxReplicas is how many replicas may be waited for.
	maxReplicas = 100
	// maxWait is how long: less than an answer of Redis may take.
	maxWait = 2 * time.Second
)

// StoreWait waits for replicas of Redis, so that a fail-over loses less. Subscribers do not
// wait: they have the event at once.
type StoreWait struct {
	// How many replicas have to have the event, from 1 to 100.
	Replicas int `json:"replicas"`

	// For how long to wait at most, from 1ms to 2s. If fewer replicas have it then, it is
	// stored and published all the same, and the answer says so.
	Timeout caddy.Duration `json:"timeout"`
}

func (w *StoreWait) validate() error {
	if w == nil {
		return nil
	}
	if w.Replicas < 1 || w.Replicas > maxReplicas {
		return fmt.Errorf("store: wait: replicas is a whole number from 1 to %d, not %d", maxReplicas, w.Replicas)
	}
	if w.Timeout == 0 {
		return errors.New("store: wait: timeout is missing")
	}
	return bounds.Duration("store: wait: timeout", w.Timeout, time.Millisecond, maxWait)
}

// parseWait reads the number of replicas, and how long to wait.
func (s *Store) parseWait(d *caddyfile.Dispenser, replicas string) error {
	n, err := strconv.Atoi(replicas)
	if err != nil || n < 1 {
		return fmt.Errorf("%q is not a number of replicas from 1 to %d", replicas, maxReplicas)
	}
	if !d.NextArg() {
		return errors.New("it needs a duration, too, like: wait 1 100ms")
	}
	timeout, err := caddy.ParseDuration(d.Val())
	if err != nil || timeout == 0 {
		return fmt.Errorf("%q is not a duration from 1ms to %s, like 100ms", d.Val(), maxWait)
	}
	s.Wait = &StoreWait{Replicas: n, Timeout: caddy.Duration(timeout)}
	return nil
}

// unreplicated keeps the log from being flooded while replicas are away.
var unreplicated ratelog.Limiter

// takeReplicas reports whether replicas have what was stored, if it was to be waited for
// them; nil: it was not. What they do not have is stored all the same, and no error.
func (p *Publish) takeReplicas(channel string, err error) (isReplicated *bool, failed error) {
	if p.Store == nil || p.Store.Wait == nil || err != nil && !errors.Is(err, broker.ErrUnreplicated) {
		return nil, err
	}
	is := err == nil
	if !is {
		unreplicated.Do(func(suppressed int) {
			p.App.Gateway().Log().Warn("an event is stored, but too few replicas of redis are known to have it, so that a fail-over may lose it",
				zap.String("channel", channel), zap.Int("others_meanwhile", suppressed), zap.Error(err))
		})
	}
	return &is, nil
}
