package presence

import (
	"strconv"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-sse/caddy-sse/internal/bus"
	"github.com/caddy-sse/caddy-sse/internal/jitter"
)

const (
	// batch is how many members Redis is told of at once.
	batch = 500
	// retellEvery is how often it is told of all: what it has lost without a
	// word, by a failover, comes back.
	retellEvery = time.Minute
	// againSoon is after how long is tried again what failed.
	againSoon = 500 * time.Millisecond
)

// keepTelling tells Redis what changes, and keeps the gateway's lease.
func (p *Presence) keepTelling() {
	var l ledger
	for p.ctx.Err() == nil {
		wait, err := p.tell(&l)
		if err != nil {
			l = ledger{} // who knows what Redis has now
			wait = jitter.Spread(againSoon, 0.5)
			p.complain(err)
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

// A ledger is when Redis was told what, the last time.
type ledger struct {
	renewed, toldAll, watched time.Time
}

// tell does what is due, and returns how long there is nothing to do unless
// something changes.
func (p *Presence) tell(l *ledger) (wait time.Duration, err error) {
	if p.bus.Away() {
		*l = ledger{}
		return againSoon, nil
	}
	if p.isEmpty() {
		return p.watch(l)
	}
	if time.Since(l.renewed) >= p.period() {
		r, err := p.renew(p.lease())
		if err != nil {
			return 0, err
		}
		if !r.wasHeld || time.Since(l.toldAll) > retellEvery {
			p.changeAll()
			l.toldAll = time.Now()
		}
		if err := p.reap(r.dead); err != nil {
			return 0, err
		}
		l.renewed = time.Now()
	}
	for {
		changes := p.take()
		if len(changes) == 0 {
			return max(0, p.period()-time.Since(l.renewed)), nil
		}
		if err := p.tellChanges(changes); err != nil {
			return 0, err
		}
	}
}

// isEmpty reports whether there is nobody, and nothing to tell.
func (p *Presence) isEmpty() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.rooms) == 0 && len(p.changed) == 0
}

// changeAll has Redis told of everyone who is here.
func (p *Presence) changeAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for channel, room := range p.rooms {
		for member := range room {
			p.changed[key{channel, member}] = struct{}{}
		}
	}
}

// A change is what Redis is to be told of one channel.
type change struct {
	here    []any // members, what is kept of each, and what is said if they come
	gone    []any // members
	isEmpty bool  // nobody is left
}

// take takes a batch of what has changed.
func (p *Presence) take() map[string]*change {
	p.mu.Lock()
	defer p.mu.Unlock()
	changes := make(map[string]*change)
	n := 0
	for k := range p.changed {
		if n++; n > batch {
			break
		}
		delete(p.changed, k)
		c := changes[k.channel]
		if c == nil {
			c = &change{isEmpty: len(p.rooms[k.channel]) == 0}
			changes[k.channel] = c
		}
		if s := p.rooms[k.channel][k.member]; s != nil {
			c.here = append(c.here, k.member, strconv.FormatInt(s.since.UnixMilli(), 10)+" "+s.info, joined(k, s))
		} else {
			c.gone = append(c.gone, k.member)
		}
	}
	return changes
}

// tellChanges tells Redis. What could not be told changes again.
func (p *Presence) tellChanges(changes map[string]*change) error {
	var failed error
	for channel, c := range changes {
		keys := []string{inKey(channel), gatewaysKey, byKey(p.gateway)}
		err := failed // of one that Redis did not take, it would not take the next
		if err == nil && len(c.here) > 0 {
			err = p.run(enterScript, keys, append([]any{p.gateway, channel}, c.here...)...)
		}
		if err == nil && len(c.gone) > 0 {
			err = p.run(leaveScript, keys, append([]any{p.gateway, channel, leaving(channel), c.isEmpty}, c.gone...)...)
		}
		if err != nil {
			failed = err
			p.changeAgain(channel, c)
		}
	}
	return failed
}

func (p *Presence) changeAgain(channel string, c *change) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := 0; i < len(c.here); i += 3 {
		p.changed[key{channel, c.here[i].(string)}] = struct{}{}
	}
	for _, member := range c.gone {
		p.changed[key{channel, member.(string)}] = struct{}{}
	}
}

func (p *Presence) complain(err error) {
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
