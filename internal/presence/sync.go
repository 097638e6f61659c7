package presence

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-sse/caddy-sse/internal/broker"
	"github.com/caddy-sse/caddy-sse/internal/jitter"
)

const (
	// syncBatch is how many members Redis is told of at once.
	syncBatch = 500
	// resyncEvery is how often it is told of all, as it is when the broker has been
	// connected to once more: what it has lost without a word, by a failover, comes back.
	resyncEvery = time.Minute
	// retryAfter is after how long is tried again what failed.
	retryAfter = 500 * time.Millisecond
	// noticedAfter is after how many failures in a row the broker has noticed a server that
	// is away, and has said so itself: 5 seconds.
	noticedAfter = 10
)

// syncLoop tells Redis what changes, and keeps the gateway's lease.
func (p *Presence) syncLoop() {
	var state syncState
	failures := 0
	for p.ctx.Err() == nil {
		wait, err := p.sync(&state)
		if err != nil {
			state = syncState{} // who knows what Redis has now
			wait = jitter.Spread(retryAfter, 0.5)
			if failures++; broker.Answered(err) || failures > noticedAfter {
				p.logFailure(err)
			}
		} else {
			failures = 0
		}
		next := time.NewTimer(wait)
		wake := p.wake
		if err != nil {
			wake = nil
		}
		select {
		case <-wake:
		case <-next.C:
		case <-p.ctx.Done():
		}
		next.Stop()
	}
}

// A syncState is when each thing was done last.
type syncState struct {
	renewed, syncedAll, watched time.Time
	connections                 uint64 // that the broker had had then
}

// sync does what is due, and returns how long there is nothing to do unless
// something changes.
func (p *Presence) sync(state *syncState) (wait time.Duration, err error) {
	if p.broker.Away() {
		*state = syncState{}
		return retryAfter, nil
	}
	if p.isEmpty() && !p.hasLeft(state) {
		return p.watch(state)
	}
	if time.Since(state.renewed) >= p.period() {
		wasHeld, dead, err := p.broker.Renew(context.WithoutCancel(p.ctx), p.gateway, p.lease())
		if err != nil {
			return 0, err
		}
		connections := p.broker.Health().Connections
		if !wasHeld || connections != state.connections || time.Since(state.syncedAll) > resyncEvery {
			p.markAllDirty()
			state.syncedAll, state.connections = time.Now(), connections
		}
		if err := p.reap(dead); err != nil {
			return 0, err
		}
		state.renewed = time.Now()
	}
	for {
		changes := p.takeBatch()
		if len(changes) == 0 {
			return max(0, p.period()-time.Since(state.renewed)), nil
		}
		if err := p.syncChanges(changes); err != nil {
			return 0, err
		}
	}
}

// hasLeft reports whether the broker has to be told once more of those who have left.
func (p *Presence) hasLeft(state *syncState) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gone.forget()
	return len(p.gone) > 0 && p.broker.Health().Connections != state.connections
}

// isEmpty reports whether there is nobody, and nothing to tell.
func (p *Presence) isEmpty() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.channels) == 0 && len(p.dirty) == 0
}

// markAllDirty has Redis told of everyone who is here, and of those who have left lately.
func (p *Presence) markAllDirty() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gone.forget()
	for _, l := range p.gone {
		p.dirty[l.key] = struct{}{}
	}
	for channel, members := range p.channels {
		for member := range members {
			p.dirty[key{channel, member}] = struct{}{}
		}
	}
}

// A change is what Redis is to be told of one channel.
type change struct {
	entered []broker.Entering
	left    []string // members
	isEmpty bool     // nobody is left
}

// takeBatch takes a batch of what has changed.
func (p *Presence) takeBatch() map[string]*change {
	p.mu.Lock()
	defer p.mu.Unlock()
	changes := make(map[string]*change)
	n := 0
	for k := range p.dirty {
		if n++; n > syncBatch {
			break
		}
		delete(p.dirty, k)
		c := changes[k.channel]
		if c == nil {
			c = &change{isEmpty: len(p.channels[k.channel]) == 0}
			changes[k.channel] = c
		}
		if s := p.channels[k.channel][k.member]; s != nil {
			c.entered = append(c.entered, broker.Entering{ID: k.member, Since: s.since, Info: s.info, Joined: joined(k, s)})
		} else {
			c.left = append(c.left, k.member)
		}
	}
	return changes
}

// syncChanges tells Redis. What could not be told is dirty again.
func (p *Presence) syncChanges(changes map[string]*change) error {
	var failed error
	for channel, c := range changes {
		var err error
		if !isOfChannel(failed) {
			err = failed // of one that Redis did not take, it would not take the next
		}
		if err == nil && len(c.entered) > 0 {
			err = p.broker.Enter(p.ctx, p.gateway, channel, c.entered)
		}
		if err == nil && len(c.left) > 0 {
			err = p.broker.Leave(p.ctx, p.gateway, channel, c.left, c.isEmpty, leaving(channel))
		}
		if err != nil {
			failed = err
			p.markDirty(channel, c)
		}
	}
	return failed
}

// isOfChannel reports whether the error says nothing of other channels.
func isOfChannel(err error) bool {
	var failed *broker.Error
	return errors.As(err, &failed) && failed.OfChannel
}

// markDirty has Redis told of a change once more.
func (p *Presence) markDirty(channel string, c *change) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, member := range c.entered {
		p.dirty[key{channel, member.ID}] = struct{}{}
	}
	for _, member := range c.left {
		p.dirty[key{channel, member}] = struct{}{}
	}
}

func (p *Presence) logFailure(err error) {
	if p.ctx.Err() != nil {
		return
	}
	hint := ""
	if refused := new(broker.Error); broker.Denied(err) && errors.As(err, &refused) {
		hint = " (ACL: " + refused.Needs + ")"
	}
	p.failed.Do(func(suppressed int) {
		p.log().Error("presence could not be written to redis; trying again"+hint, zap.Int("times_meanwhile", suppressed), zap.Error(err))
	})
}
