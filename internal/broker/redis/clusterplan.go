package redisbroker

import (
	"slices"
	"time"
)

// An override is what MOVED says of a slot.
type override struct {
	id    string
	until time.Time
}

// moved takes that the slot is at another node, and returns that; nil if it is not known
// yet.
func (c *cluster) moved(slot uint16, addr string) *node {
	n := c.nodeAt(addr)
	c.mu.Lock()
	if n != nil && c.owners[slot] != n {
		c.overrides[slot] = override{n.id, time.Now().Add(overrideFor)}
	}
	c.mu.Unlock()
	c.askAll()
	c.news.Set()
	return n
}

// plan works out who owns what by what the nodes say. It is called with the lock held.
func (c *cluster) plan() (owners [slotCount]*node) {
	var claims []clusterView
	for _, s := range c.surveyors {
		if s.view.isMaster && len(s.view.ranges) > 0 {
			claims = append(claims, s.view)
		}
	}
	slices.SortFunc(claims, func(a, b clusterView) int { return int(min(1, max(-1, a.epoch-b.epoch))) })
	owners = c.owners // a slot that nobody claims stays where it was
	for _, v := range claims {
		n := c.nodes[v.id]
		if n == nil {
			if n = c.node(v.id); n == nil {
				continue // it has ended since
			}
		}
		for _, r := range v.ranges {
			for slot := r[0]; slot <= r[1]; slot++ {
				owners[slot] = n
			}
		}
	}
	for slot, o := range c.overrides {
		if n := c.nodes[o.id]; n != nil && n != owners[slot] && time.Now().Before(o.until) {
			owners[slot] = n
		} else {
			delete(c.overrides, slot)
		}
	}
	return owners
}

// assign gives each channel to the node that owns its slot.
func (c *cluster) assign() {
	c.telling.Lock()
	defer c.telling.Unlock()

	c.mu.Lock()
	c.forget()
	c.readdress()
	owners := c.plan()
	isChanged := owners != c.owners
	c.owners = owners
	fresh, gone := c.usedNodes()
	var lost []string
	if isChanged {
		for name, p := range c.channels {
			if p.at != nil && p.at != owners[p.slot] {
				p.at.subscriptions.take(name)
				p.at, p.isReceived, p.isDenied = nil, false, false
				lost = append(lost, name)
			}
		}
	}
	c.mu.Unlock()

	for _, n := range fresh {
		n.start()
		n.isUsed.Set()
	}
	if len(lost) > 0 {
		c.unsubscribed(lost)
	}
	if isChanged {
		c.mu.Lock()
		for name, p := range c.channels {
			if p.at == nil {
				c.place(name, p)
			}
		}
		c.mu.Unlock()
	}
	for _, n := range gone {
		c.retired.Go(n.stop)
	}
}

// readdress has nodes reached where they answer now, if that is elsewhere. It is called
// with the lock held.
func (c *cluster) readdress() {
	for id, n := range c.nodes {
		if s := c.surveyors[n.where()]; s != nil && s.err == nil && s.view.id == id {
			continue
		}
		if s := c.surveyorOf(id); s != nil {
			n.moveTo(s.addr, c.dialled(s.addr))
		}
	}
}

// place has a channel received where it belongs. It is called with the lock held.
func (c *cluster) place(name string, p *placed) {
	if p.at = c.owners[p.slot]; p.at != nil {
		p.at.subscriptions.put(name, p.wanted)
	}
}

// usedNodes are the nodes that have come to own something, and those that have owned
// nothing for long, which are taken out. It is called with the lock held.
func (c *cluster) usedNodes() (fresh, gone []*node) {
	used := make(map[*node]bool)
	var last *node
	for _, n := range c.owners {
		if n != nil && n != last {
			used[n] = true
		}
		last = n
	}
	for id, n := range c.nodes {
		since, wasIdle := c.idle[n]
		switch {
		case used[n] && wasIdle:
			delete(c.idle, n)
			fresh = append(fresh, n)
		case used[n]:
		case !wasIdle:
			c.idle[n] = time.Now()
		case time.Since(since) > retireAfter:
			delete(c.nodes, id)
			delete(c.idle, n)
			delete(c.receiving, n)
			c.before += n.health.read().Connections
			gone = append(gone, n)
		}
	}
	return fresh, gone
}
