package presence

import (
	"context"
	"fmt"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/bus"
)

// answerTimeout is how long Redis may take to answer.
const answerTimeout = 3 * time.Second

// The members of a gateway that was killed have to have left within the time to
// live: its lease ends after two thirds of that, and others look each sixth.

func (p *Presence) lease() time.Duration  { return time.Duration(p.ttl.Load()) * 2 / 3 }
func (p *Presence) period() time.Duration { return time.Duration(p.ttl.Load()) / 6 }

// A renewal is what Redis said when the lease was renewed.
type renewal struct {
	wasHeld bool     // until now: nobody has taken its members for gone
	dead    []string // gateways whose leases have ended
}

// renew makes the gateway's lease end so much later.
func (p *Presence) renew(lease time.Duration) (r renewal, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(p.ctx), answerTimeout)
	defer cancel()
	reply, err := renewScript.Run(ctx, p.bus.Client(), []string{gatewaysKey}, p.gateway, lease.Milliseconds()).Slice()
	if err != nil {
		return r, err
	}
	if len(reply) == 0 {
		return r, fmt.Errorf("the script answered %v", reply)
	}
	r.wasHeld = reply[0] == int64(1)
	for _, name := range reply[1:] {
		if name, ok := name.(string); ok && name != p.gateway {
			r.dead = append(r.dead, name)
		}
	}
	return r, nil
}

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
	ctx, cancel := context.WithTimeout(p.ctx, answerTimeout)
	defer cancel()
	dead, err := deadScript.Run(ctx, p.bus.Client(), []string{gatewaysKey}).StringSlice()
	if bus.Final(err) {
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

// reap takes those out who came by gateways that are dead. Several gateways may
// do so at once: each member leaves once.
func (p *Presence) reap(dead []string) error {
	for _, gateway := range dead {
		if err := p.reapOne(gateway); err != nil {
			return err
		}
	}
	return nil
}

func (p *Presence) reapOne(gateway string) error {
	ctx, cancel := context.WithTimeout(p.ctx, answerTimeout)
	defer cancel()
	channels, err := p.bus.Client().SMembers(ctx, byKey(gateway)).Result()
	if err != nil {
		return err
	}
	for _, channel := range channels {
		err := p.run(reapScript, []string{inKey(channel), gatewaysKey, byKey(gateway)}, gateway, channel, leaving(channel))
		if err != nil {
			return err
		}
	}
	return p.run(buryScript, []string{gatewaysKey, byKey(gateway)}, gateway)
}
