package presence

import (
	"time"

	"github.com/caddy-sse/caddy-sse/internal/broker"
)

// The members of a gateway that was killed have to have left within the time to
// live: its lease ends after two thirds of that, and others look each sixth.

func (p *Presence) lease() time.Duration  { return time.Duration(p.ttl.Load()) * 2 / 3 }
func (p *Presence) period() time.Duration { return time.Duration(p.ttl.Load()) / 6 }

// deniedRetry is after how long a gateway without members looks again whether
// others have died, where it may not: most have no presence at all.
const deniedRetry = time.Minute

// watch lets the members of dead gateways leave, on behalf of a gateway that has
// none itself, and returns when to look again.
func (p *Presence) watch(state *syncState) (wait time.Duration, err error) {
	if !p.isWatched() {
		return p.period(), nil
	}
	if wait := p.period() - time.Since(state.watched); wait > 0 {
		return wait, nil
	}
	dead, err := p.broker.Dead(p.ctx)
	if broker.Final(err) {
		return deniedRetry, nil
	}
	if err != nil {
		return 0, err
	}
	if err := p.reap(dead); err != nil {
		return 0, err
	}
	state.watched = time.Now()
	return p.period(), nil
}

// reap takes those out who came by gateways that are dead.
func (p *Presence) reap(dead []string) error {
	for _, gateway := range dead {
		if err := p.broker.Reap(p.ctx, gateway, leaving); err != nil {
			return err
		}
	}
	return nil
}
