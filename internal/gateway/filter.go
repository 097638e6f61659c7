package gateway

import (
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/hub"
	"github.com/caddy-sse/caddy-sse/internal/limits"
)

// A Filter chooses subscribers: those who match all that is set.
type Filter struct {
	ID      uint64
	Member  string
	Channel string
	IP      netip.Prefix
}

// IsEmpty reports whether it would choose everybody.
func (f Filter) IsEmpty() bool { return f == Filter{} }

func (f Filter) matches(id uint64, s *Subscription) bool {
	return (f.ID == 0 || f.ID == id) &&
		(f.Member == "" || f.Member == s.Member) &&
		(f.Channel == "" || slices.Contains(s.Channels, f.Channel)) &&
		(!f.IP.IsValid() || f.IP.Contains(s.RemoteIP))
}

// A SubscriberInfo is one subscriber, as an operator sees it.
type SubscriberInfo struct {
	ID       uint64    `json:"id"`
	Channels []string  `json:"channels"`
	Member   string    `json:"member,omitempty"`
	IP       string    `json:"ip,omitempty"` // none over a Unix socket
	Protocol string    `json:"protocol"`
	Via      string    `json:"via"`
	Since    time.Time `json:"since"`
	// Pending is how many bytes wait for it.
	Pending int `json:"pending"`
}

// ListSubscribers lists the subscribers that a filter chooses, those who came first at the
// front, and how many there are; no more than limit are listed.
func (g *Gateway) ListSubscribers(f Filter, limit int) (subscribers []SubscriberInfo, count int) {
	subscribers = []SubscriberInfo{} // not nil, which JSON calls null
	g.Each(func(s *hub.Subscriber, waiting int) {
		sub := s.Meta().(*Subscription)
		if !f.matches(s.ID(), sub) {
			return
		}
		count++
		subscribers = append(subscribers, SubscriberInfo{
			s.ID(), sub.Channels, sub.Member, sub.ip(), sub.Protocol, sub.Via(), sub.Since.Truncate(time.Millisecond), waiting,
		})
	})
	slices.SortFunc(subscribers, func(a, b SubscriberInfo) int { return a.Since.Compare(b.Since) })
	return subscribers[:min(len(subscribers), limit)], count
}

// Kick closes the subscribers that a filter chooses, and, if ban is not zero,
// keeps anyone who matches it out for so long: by member or address, where the
// filter is an ID. It returns how many were closed.
func (g *Gateway) Kick(f Filter, ban time.Duration) (n int) {
	if f.IsEmpty() {
		return 0
	}
	if f.ID == 0 {
		g.bans.add(f, ban)
	}
	g.Each(func(s *hub.Subscriber, _ int) {
		sub := s.Meta().(*Subscription)
		if !f.matches(s.ID(), sub) {
			return
		}
		n++
		if f.ID != 0 {
			g.bans.add(sub.identityFilter(), ban)
		}
		g.CloseSubscriber(s, nil, hub.ErrKicked)
	})
	return n
}

// ip is the client's address as text: empty if it has none, as over a Unix
// socket.
func (s *Subscription) ip() string {
	if !s.RemoteIP.IsValid() {
		return ""
	}
	return s.RemoteIP.String()
}

// identityFilter chooses this client when it connects again.
func (s *Subscription) identityFilter() Filter {
	if s.Member != "" {
		return Filter{Member: s.Member}
	}
	return Filter{IP: limits.Network(s.RemoteIP)}
}

// isBanned reports whether an operator keeps it out.
func (g *Gateway) isBanned(s *Subscription) bool { return g.bans.matches(s) }

// bans are the subscribers that are kept out, and until when.
type bans struct {
	mu    sync.Mutex
	until map[Filter]time.Time
}

// maxBans bounds how many there are: past it, those are forgotten first
// whose time is over first.
const maxBans = 10_000

func (b *bans) add(f Filter, d time.Duration) {
	if d <= 0 || f.IsEmpty() { // who has neither member nor address cannot be told apart
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.until == nil {
		b.until = make(map[Filter]time.Time)
	}
	if len(b.until) >= maxBans {
		b.evict()
	}
	b.until[f] = time.Now().Add(d)
}

// evict makes room for one more.
func (b *bans) evict() {
	var soonest Filter
	for f, until := range b.until {
		if !time.Now().Before(until) {
			delete(b.until, f)
		} else if first, ok := b.until[soonest]; !ok || until.Before(first) {
			soonest = f
		}
	}
	if len(b.until) >= maxBans {
		delete(b.until, soonest)
	}
}

func (b *bans) matches(s *Subscription) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for f, until := range b.until {
		if time.Now().Before(until) && f.matches(0, s) {
			return true
		}
	}
	return false
}
