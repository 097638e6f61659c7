package redisbroker

import (
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-sse/caddy-sse/internal/broker"
)

// health is what is noted of a server.
type health struct {
	mu  sync.Mutex
	now broker.Health
}

// Health is how it stands now, as far as the broker has noticed: a frozen Redis, or
// a connection that is dead without a word, within 4 seconds.
func (b *Broker) Health() broker.Health {
	var h broker.Health
	var finder *finder
	if b.cluster != nil {
		h = b.cluster.readHealth()
	} else {
		h, finder = b.server.health.read(), b.server.finder
	}
	h.Messages = b.messages.Load()
	for _, warning := range []string{b.notifier.warning(), finder.warning()} {
		if warning != "" {
			h.Warnings = append(h.Warnings, warning)
		}
	}
	return h
}

// Address is where Redis is: host:port, the path of a socket, the name of a master
// while no sentinel has said where that is, or the addresses of a cluster that are
// configured.
func (b *Broker) Address() string {
	if b.cluster != nil {
		return strings.Join(b.cluster.config.Addresses, ",")
	}
	return b.server.where()
}

func (h *health) read() broker.Health {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

// note takes down whether Redis is there, and reports whether that is news.
func (n *node) note(isUp bool, problem error) (isNews bool) {
	n.health.mu.Lock()
	defer n.health.mu.Unlock()
	h := &n.health.now
	isNews = h.Since.IsZero() || h.Up != isUp
	if isNews {
		h.Up, h.Since = isUp, time.Now()
	}
	h.Problem = ""
	if isUp {
		h.Connections++
		h.Refused = "" // this one was not
	} else {
		h.Problem = describe(problem)
		h.Limited = "" // the next one may be another server
	}
	return isNews
}

// noteClustered takes down whether the server is a node of a cluster: it hands
// on what is published, but holds only the keys of its own slots.
func (n *node) noteClustered(isClustered bool) {
	n.health.mu.Lock()
	defer n.health.mu.Unlock()
	h := &n.health.now
	if n.broker.cluster != nil || isClustered == (h.Limited != "") {
		return
	}
	h.Limited = ""
	if isClustered {
		h.Limited = broker.CauseCluster.String()
		n.broker.log().Error(h.Limited+": histories, store and presence fail there", zap.String("address", n.where()))
	}
}

func (n *node) noteRoundTrip(d time.Duration) {
	n.health.mu.Lock()
	defer n.health.mu.Unlock()
	n.health.now.RoundTrip = d
}

// noteRefused takes down why Redis refuses new connections.
func (n *node) noteRefused(why broker.Cause) {
	n.health.mu.Lock()
	defer n.health.mu.Unlock()
	n.health.now.Refused = why.String()
}

func (n *node) isRefused() bool {
	n.health.mu.Lock()
	defer n.health.mu.Unlock()
	return n.health.now.Refused != ""
}
