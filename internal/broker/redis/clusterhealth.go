package redisbroker

import (
	"fmt"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/broker"
)

// check finds out how it stands with the whole.
func (c *cluster) check() {
	masters := c.masters()
	ups, aways := 0, 0
	for _, n := range masters {
		switch n.state.Load() {
		case up:
			ups++
		case away:
			aways++
		}
	}
	c.mu.Lock()
	isTried := true // all of them: the first may be a replica, which names the others
	for _, s := range c.surveyors {
		isTried = isTried && s.asked
	}
	was := c.state
	switch {
	case ups > 0:
		c.state = up
	case aways > 0 || len(masters) == 0 && isTried:
		c.state = away
	}
	is := c.state
	if is != was {
		c.since = time.Now()
	}
	c.mu.Unlock()
	c.inTrouble.Store(ups < len(masters) || len(masters) == 0)
	if is == was {
		return
	}
	if is == away && len(masters) == 0 {
		c.broker.log().Error(c.problem() + "; trying again until it is there")
	}
	c.broker.changed(is == up)
}

// problem is why no node is there.
func (c *cluster) problem() string {
	for _, n := range c.masters() {
		if p := n.health.read().Problem; p != "" {
			return p
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.surveyors {
		if s.problem != "" {
			return s.problem
		}
	}
	return "no node of the cluster owns anything"
}

// readHealth is how it stands with the cluster: it is up while one of its masters is, and
// who is not is named by a warning, since it takes only its own channels away.
func (c *cluster) readHealth() broker.Health {
	c.mu.Lock()
	h := broker.Health{Up: c.state == up, Since: c.since, Connections: c.before}
	uncovered := 0
	for _, n := range c.owners {
		if n == nil {
			uncovered++
		}
	}
	c.mu.Unlock()
	masters := c.masters()
	down, why := 0, ""
	for _, n := range masters {
		one := n.health.read()
		h.Connections += one.Connections
		h.RoundTrip = max(h.RoundTrip, one.RoundTrip)
		if one.Refused != "" {
			h.Refused = one.Refused
		}
		if n.state.Load() == away {
			down++
			why = one.Problem
		}
	}
	switch {
	case !h.Up && !h.Since.IsZero():
		h.Problem = c.problem()
	case down > 0:
		h.Warnings = append(h.Warnings, fmt.Sprintf("%d of %d masters of the cluster are away, and with them their channels; of one: %s", down, len(masters), why))
	}
	if h.Up && uncovered > 0 {
		h.Warnings = append(h.Warnings, fmt.Sprintf("%d of %d slots of the cluster have no master, and their channels are not received", uncovered, slotCount))
	}
	return h
}

// nodeChanged takes that a node is there, or away.
func (c *cluster) nodeChanged(isUp bool) {
	if !isUp {
		c.askAll()
	}
	c.inTrouble.Store(true)
	c.news.Set()
}
