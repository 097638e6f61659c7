package bus

import (
	"sync"
	"time"

	"go.uber.org/zap"
)

// A Health is how it stands with Redis.
type Health struct {
	// Up: the bus hears what is published.
	Up bool
	// Since is when that became so. It is zero while nothing is known.
	Since time.Time
	// Problem is why it is not up.
	Problem string
	// Refused is why Redis refuses new connections, while those that there are go
	// on, and so whether it is up, too. It is empty if none was refused.
	Refused string
	// Limited is why only a part of what the gateway does can work at this server,
	// though it is up: it is a node of a cluster. It is empty otherwise.
	Limited string
	// RoundTrip is how long the newest probe took to come back.
	RoundTrip time.Duration
	// Connections counts the connections that have heard anything, from the
	// first on.
	Connections uint64
	// Messages counts what was heard.
	Messages uint64
}

// health is what the bus notes of it.
type health struct {
	mu  sync.Mutex
	now Health
}

// Health is how it stands now, as far as the bus has noticed: a frozen Redis, or
// a connection that is dead without a word, within 4 seconds.
func (b *Bus) Health() Health {
	b.health.mu.Lock()
	defer b.health.mu.Unlock()
	h := b.health.now
	h.Messages = b.messages.Load()
	return h
}

// Address is where Redis is: host:port, or the path of a socket.
func (b *Bus) Address() string { return b.address }

// note takes down whether Redis is there, and reports whether that is news.
func (b *Bus) note(isUp bool, problem error) (isNews bool) {
	b.health.mu.Lock()
	defer b.health.mu.Unlock()
	h := &b.health.now
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
func (b *Bus) noteClustered(isClustered bool) {
	b.health.mu.Lock()
	defer b.health.mu.Unlock()
	h := &b.health.now
	if isClustered == (h.Limited != "") {
		return
	}
	h.Limited = ""
	if isClustered {
		h.Limited = CauseCluster.String()
		b.log().Error(h.Limited+": histories, store and presence fail there", zap.String("address", b.address))
	}
}

func (b *Bus) noteRoundTrip(d time.Duration) {
	b.health.mu.Lock()
	defer b.health.mu.Unlock()
	b.health.now.RoundTrip = d
}

// noteRefused takes down why Redis refuses new connections.
func (b *Bus) noteRefused(why Cause) {
	b.health.mu.Lock()
	defer b.health.mu.Unlock()
	b.health.now.Refused = why.String()
}

func (b *Bus) isRefused() bool {
	b.health.mu.Lock()
	defer b.health.mu.Unlock()
	return b.health.now.Refused != ""
}
