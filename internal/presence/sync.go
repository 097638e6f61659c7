package presence

import (
	"strconv"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-sse/caddy-sse/internal/bus"
	"github.com/caddy-sse/caddy-sse/internal/jitter"
)

const (
	// syncBatch is how many members Redis is told of at once.
	syncBatch = 500
	// resyncEvery is how often it is told of all: what it has lost without a
	// word, by a failover, comes back.
	resyncEvery = time.Minute
	// retryAfter is after how long is tried again what failed.
	retryAfter = 500 * time.Millisecond
)

// syncLoop tells Redis what changes, and keeps the gateway's lease.
func (p *Presence) syncLoop() {
	var state syncState
	for p.ctx.Err() == nil {
		wait, err := p.sync(&state)
		if err != nil {
			state = syncState{} // who knows what Redis has now
			wait = jitter.Spread(retryAfter, 0.5)
			p.logFailure(err)
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
}

// sync does what is due, and returns how long there is nothing to do unless
// something changes.
func (p *Presence) sync(state *syncState) (wait time.Duration, err error) {
	if p.bus.Away() {
		*state = syncState{}
		return retryAfter, nil
	}
	if p.isEmpty() {
		return p.watch(state)
	}
	if time.Since(state.renewed) >= p.period() {
		r, err := p.renew(p.lease())
		if err != nil {
			return 0, err
		}
		if !r.wasHeld || time.Since(state.syncedAll) > resyncEvery {
			p.markAllDirty()
			state.syncedAll = time.Now()
		}
		if err := p.reap(r.dead); err != nil {
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

// isEmpty reports whether there is nobody, and nothing to tell.
func (p *Presence) isEmpty() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.channels) == 0 && len(p.dirty) == 0
}

// markAllDirty has Redis told of everyone who is here.
func (p *Presence) markAllDirty() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for channel, members := range p.channels {
		for member := range members {
			p.dirty[key{channel, member}] = struct{}{}
		}
	}
}

// A change is what Redis is to be told of one channel.
type change struct {
	entered []any // members, what is kept of each, and what is said if they come
	left    []any // members
	isEmpty bool  // nobody is left
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
			c.entered = append(c.entered, k.member, strconv.FormatInt(s.since.UnixMilli(), 10)+" "+s.info, joined(k, s))
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
		keys := []string{inKey(channel), gatewaysKey, byKey(p.gateway)}
		err := failed // of one that Redis did not take, it would not take the next
		if err == nil && len(c.entered) > 0 {
			err = p.run(enterScript, keys, append([]any{p.gateway, channel}, c.entered...)...)
		}
		if err == nil && len(c.left) > 0 {
			err = p.run(leaveScript, keys, append([]any{p.gateway, channel, leaving(channel), c.isEmpty}, c.left...)...)
		}
		if err != nil {
			failed = err
			p.markDirty(channel, c)
		}
	}
	return failed
}

// markDirty has Redis told of a change once more.
func (p *Presence) markDirty(channel string, c *change) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := 0; i < len(c.entered); i += 3 {
		p.dirty[key{channel, c.entered[i].(string)}] = struct{}{}
	}
	for _, member := range c.left {
		p.dirty[key{channel, member.(string)}] = struct{}{}
	}
}

func (p *Presence) logFailure(err error) {
	if p.ctx.Err() != nil {
		return
	}
	hint := ""
	if bus.Denied(err) {
		hint = " (ACL: it takes ~sse.presence.* and the commands that docs/redis.md names)"
	}
	p.failed.Do(func(suppressed int) {
		p.log().Error("redis could not be told who is here; trying again"+hint, zap.Int("times_meanwhile", suppressed), zap.Error(err))
	})
}
