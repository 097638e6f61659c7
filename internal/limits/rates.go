package limits

import (
	"math"
	"net/netip"
	"sync"

	"golang.org/x/time/rate"
)

// maxClients is how many clients' rates are known at once: past it those are
// forgotten who have not come for long.
const maxClients = 100_000

// Rates bound how often something comes from each client.
type Rates struct {
	mu      sync.Mutex
	clients map[netip.Prefix]*rate.Limiter
}

// Allow reports whether the client may once more, at so many times a second: up
// to that many, or one, at once. Zero is any.
func (r *Rates) Allow(client netip.Prefix, perSecond float64) bool {
	if perSecond <= 0 {
		return true
	}
	burst := max(1, int(math.Ceil(perSecond)))
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.clients[client]
	switch {
	case l == nil:
		r.makeRoom()
		l = rate.NewLimiter(rate.Limit(perSecond), burst)
		r.clients[client] = l
	case l.Limit() != rate.Limit(perSecond): // another configuration
		l.SetLimit(rate.Limit(perSecond))
		l.SetBurst(burst)
	}
	return l.Allow()
}

// makeRoom forgets clients who may do anything again, and if there are still too
// many, some others.
func (r *Rates) makeRoom() {
	if r.clients == nil {
		r.clients = make(map[netip.Prefix]*rate.Limiter)
	}
	if len(r.clients) < maxClients {
		return
	}
	for client, l := range r.clients {
		if l.Tokens() >= float64(l.Burst()) {
			delete(r.clients, client)
		}
	}
	for client := range r.clients {
		if len(r.clients) < maxClients*9/10 {
			return
		}
		delete(r.clients, client)
	}
}
