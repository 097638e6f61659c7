// Package limits bounds how many subscribers there are, and how fast they
// come: for the whole gateway, and for each directive that has bounds of its own.
package limits

import (
	"net/netip"
	"slices"
	"sync"

	"github.com/caddy-sse/caddy-sse/internal/protocol"
)

// Limits are the bounds of one scope; zero is none.
type Limits struct {
	// Subscribers is how many there may be.
	Subscribers int
	// Bytes is what they may cost together, about.
	Bytes int64
	// PerIP is how many one client address may have; see [Network].
	PerIP int
	// PerMember is how many one member may have: the oldest has to go.
	PerMember int
	// Connects is how many may come a second from one client address.
	Connects float64
}

// A Counter knows who is in one scope.
type Counter struct {
	rates   Rates
	emptied func() // nil, or called each time the last one has left

	mu      sync.Mutex
	count   int
	bytes   int64
	ips     map[netip.Prefix]int
	members map[string][]*Permit // in the order in which they came
}

// A Scope is a counter, and its limits now: a configuration may change them.
type Scope struct {
	*Counter
	Limits
}

// A Permit is one subscriber's admission.
type Permit struct {
	scopes []Scope
	ip     netip.Prefix
	cost   int64
	member string
	evict  func()
	once   sync.Once
}

// Admit lets a subscriber into all the scopes, or says which limit it would be
// over. Anyone who is admitted has to leave. The scopes are kept, and not changed.
func Admit(scopes []Scope, ip netip.Addr, cost int64) (*Permit, protocol.BusyReason) {
	p := &Permit{ip: Network(ip), cost: cost}
	for i, s := range scopes {
		if reason := s.admit(s.Limits, p); reason != "" {
			p.Leave()
			return nil, reason
		}
		p.scopes = scopes[:i+1]
	}
	return p, ""
}

func (c *Counter) admit(l Limits, p *Permit) protocol.BusyReason {
	if !c.rates.Allow(p.ip, l.Connects) {
		return protocol.BusyConnectRate
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case l.Subscribers > 0 && c.count >= l.Subscribers, l.Bytes > 0 && c.bytes+p.cost > l.Bytes:
		return protocol.BusySubscribers
	case l.PerIP > 0 && c.ips[p.ip] >= l.PerIP:
		return protocol.BusyPerIP
	}
	c.count++
	c.bytes += p.cost
	if c.ips == nil {
		c.ips = make(map[netip.Prefix]int)
	}
	c.ips[p.ip]++
	return ""
}

// IsFull reports whether nobody else would be admitted.
func (s Scope) IsFull() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Subscribers > 0 && s.count >= s.Subscribers || s.Bytes > 0 && s.bytes >= s.Bytes
}

// BindMember says which member the permit is of. If that one now has too many, its
// oldest is evicted: its evict is called, once.
func (p *Permit) BindMember(member string, evict func()) {
	p.member, p.evict = member, evict
	for _, s := range p.scopes {
		if s.PerMember > 0 {
			for _, oldest := range s.bind(p, s.PerMember) {
				oldest.evict()
			}
		}
	}
}

// bind adds the permit to its member's, and takes out what is too much.
func (c *Counter) bind(p *Permit, most int) (tooMany []*Permit) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.members == nil {
		c.members = make(map[string][]*Permit)
	}
	all := append(c.members[p.member], p)
	n := max(0, len(all)-most)
	tooMany = slices.Clone(all[:n])
	c.members[p.member] = slices.Clone(all[n:])
	return tooMany
}

// Leave gives the admission back. A second call does nothing.
func (p *Permit) Leave() {
	p.once.Do(func() {
		for _, s := range p.scopes {
			s.leave(p)
		}
	})
}

func (c *Counter) leave(p *Permit) {
	if c.remove(p) == 0 && c.emptied != nil {
		c.emptied()
	}
}

// remove takes the permit out, and returns how many are in yet.
func (c *Counter) remove(p *Permit) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count--
	c.bytes -= p.cost
	if c.ips[p.ip]--; c.ips[p.ip] == 0 {
		delete(c.ips, p.ip)
	}
	if all, ok := c.members[p.member]; ok {
		all = slices.DeleteFunc(all, func(other *Permit) bool { return other == p })
		c.members[p.member] = all
		if len(all) == 0 {
			delete(c.members, p.member)
		}
	}
	return c.count
}
