// Package admission bounds how many subscribers there are, and how fast they
// come: for the whole gateway, and for each directive that has bounds of its own.
package admission

import (
	"net/netip"
	"slices"
	"sync"

	"github.com/caddy-sse/caddy-sse/internal/eventstream"
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

// A Desk knows who is in one scope.
type Desk struct {
	rates   Rates
	emptied func() // nil, or called each time the last one has left

	mu      sync.Mutex
	count   int
	bytes   int64
	ips     map[netip.Prefix]int
	members map[string][]*Ticket // in the order in which they came
}

// A Scope is a desk, and its limits now: a configuration may change them.
type Scope struct {
	*Desk
	Limits
}

// A Ticket is one subscriber's admission.
type Ticket struct {
	scopes []Scope
	ip     netip.Prefix
	cost   int64
	member string
	evict  func()
	once   sync.Once
}

// Admit lets a subscriber into all the scopes, or says which limit it would be
// over. Whoever is admitted has to leave. The scopes are kept, and not changed.
func Admit(scopes []Scope, ip netip.Addr, cost int64) (*Ticket, eventstream.BusyReason) {
	t := &Ticket{ip: Network(ip), cost: cost}
	for i, s := range scopes {
		if reason := s.admit(s.Limits, t); reason != "" {
			t.Leave()
			return nil, reason
		}
		t.scopes = scopes[:i+1]
	}
	return t, ""
}

func (d *Desk) admit(l Limits, t *Ticket) eventstream.BusyReason {
	if !d.rates.Allow(t.ip, l.Connects) {
		return eventstream.BusyConnectRate
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case l.Subscribers > 0 && d.count >= l.Subscribers, l.Bytes > 0 && d.bytes+t.cost > l.Bytes:
		return eventstream.BusySubscribers
	case l.PerIP > 0 && d.ips[t.ip] >= l.PerIP:
		return eventstream.BusyPerIP
	}
	d.count++
	d.bytes += t.cost
	if d.ips == nil {
		d.ips = make(map[netip.Prefix]int)
	}
	d.ips[t.ip]++
	return ""
}

// IsFull reports whether nobody else would be admitted.
func (s Scope) IsFull() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Subscribers > 0 && s.count >= s.Subscribers || s.Bytes > 0 && s.bytes >= s.Bytes
}

// Claim says which member the ticket is of. If that one now has too many, its
// oldest is evicted: its evict is called, once.
func (t *Ticket) Claim(member string, evict func()) {
	t.member, t.evict = member, evict
	for _, s := range t.scopes {
		if s.PerMember > 0 {
			for _, oldest := range s.claim(t, s.PerMember) {
				oldest.evict()
			}
		}
	}
}

// claim adds the ticket to its member's, and takes out what is too much.
func (d *Desk) claim(t *Ticket, most int) (tooMany []*Ticket) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.members == nil {
		d.members = make(map[string][]*Ticket)
	}
	all := append(d.members[t.member], t)
	n := max(0, len(all)-most)
	tooMany = slices.Clone(all[:n])
	d.members[t.member] = slices.Clone(all[n:])
	return tooMany
}

// Leave gives the admission back. A second call does nothing.
func (t *Ticket) Leave() {
	t.once.Do(func() {
		for _, s := range t.scopes {
			s.leave(t)
		}
	})
}

func (d *Desk) leave(t *Ticket) {
	if d.remove(t) == 0 && d.emptied != nil {
		d.emptied()
	}
}

// remove takes the ticket out, and returns how many are in yet.
func (d *Desk) remove(t *Ticket) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.count--
	d.bytes -= t.cost
	if d.ips[t.ip]--; d.ips[t.ip] == 0 {
		delete(d.ips, t.ip)
	}
	if all, ok := d.members[t.member]; ok {
		all = slices.DeleteFunc(all, func(other *Ticket) bool { return other == t })
		d.members[t.member] = all
		if len(all) == 0 {
			delete(d.members, t.member)
		}
	}
	return d.count
}
