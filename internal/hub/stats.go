package hub

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/caddy-sse/caddy-sse/internal/protocol"
)

// counts are what a hub counts since its beginning, guarded by the hub.
type counts struct {
	replays, replayed uint64
}

// Stats are a hub's numbers at one moment.
type Stats struct {
	Subscribers int
	// Live and Histories are channels; those count that linger, too.
	Live, Histories int
	// Memory is about how many bytes the channels remember.
	Memory int
	// Inbox is about how many bytes wait for the loops to hand them on.
	Inbox int

	// These count since the hub's beginning.

	// Sent is how many events were given to subscribers' outlets.
	Sent uint64
	// Gaps is how many events sent subscribers gaps, by the reason of the first.
	Gaps map[protocol.Reason]uint64
	// Replays is how many subscribers came back to events that they had missed,
	// Replayed how many these were.
	Replays, Replayed uint64
	// Malformed counts the payloads and entries that were, and were delivered as
	// far as they could be.
	Malformed uint64
	// NotUTF8 counts the payloads and entries that were not, each time that they were
	// received or read.
	NotUTF8 uint64
}

// Stats counts.
func (h *Hub) Stats() Stats {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := Stats{
		Subscribers: h.subscribers,
		Live:        len(h.live),
		Histories:   len(h.histories),
		Memory:      h.memory.bytes,
		Inbox:       int(h.memory.waiting.Load()),
		Gaps:        make(map[protocol.Reason]uint64),
		Replays:     h.counts.replays,
		Replayed:    h.counts.replayed,
		Malformed:   h.malformed.Load(),
		NotUTF8:     h.notUTF8.Load(),
	}
	for _, l := range h.loops {
		s.Sent += l.sent.Load()
	}
	for i, r := range protocol.Reasons {
		s.Gaps[r] = h.gaps[i].Load()
	}
	return s
}

// Waiting is how many bytes wait for subscribers, all together. It looks at each.
func (h *Hub) Waiting() int {
	var bytes atomic.Int64
	h.inEachLoop(func(l *Loop) {
		for _, s := range l.subscribers {
			bytes.Add(int64(s.bytesWaiting()))
		}
	})
	return int(bytes.Load())
}

// Each calls f for each subscriber, one after another, with how many bytes waited
// for it. The loops only list their subscribers: they do not wait for f, nor for
// each other, and a subscriber may have left when f is called.
func (h *Hub) Each(f func(s *Subscriber, waiting int)) {
	type listed struct {
		subscriber *Subscriber
		waiting    int
	}
	lists := make([][]listed, len(h.loops))
	h.inEachLoop(func(l *Loop) {
		list := make([]listed, len(l.subscribers))
		for i, s := range l.subscribers {
			list[i] = listed{s, s.bytesWaiting()}
		}
		lists[l.index] = list
	})
	for _, list := range lists {
		for _, l := range list {
			f(l.subscriber, l.waiting)
		}
	}
}

// bytesWaiting is called in the subscriber's loop.
func (s *Subscriber) bytesWaiting() int {
	if s.out != nil {
		return s.out.Waiting()
	}
	return s.waiting
}

// inEachLoop runs f in each loop, and returns when all have.
func (h *Hub) inEachLoop(f func(*Loop)) {
	var all sync.WaitGroup
	for _, l := range h.loops {
		all.Add(1)
		l.Do(func() {
			defer all.Done()
			f(l)
		})
	}
	all.Wait()
}

func (h *Hub) countGap(reason protocol.Reason) {
	h.gaps[slices.Index(protocol.Reasons[:], reason)].Add(1)
}

// ChannelStats are a channel's numbers at one moment.
type ChannelStats struct {
	Name        string `json:"name"`
	History     bool   `json:"history"`
	Subscribers int    `json:"subscribers"`
	// Events is how many came since the channel began.
	Events uint64 `json:"events"`
	// Recent and Memory are how many events it remembers, and their bytes.
	Recent int `json:"recent"`
	Memory int `json:"memory"`
	// LastID is the ID of the newest event.
	LastID string `json:"last_id,omitempty"`
}

// channelsAtOnce is how many channels [Hub.Channels] looks at before it lets go of
// the hub's lock for a moment: events wait for it.
const channelsAtOnce = 256

// Channels are those that are wanted. A channel that begins or ends meanwhile may
// be missing.
func (h *Hub) Channels(wanted func(name string) bool) []ChannelStats {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []ChannelStats
	looked := 0
	for _, channels := range []map[string]*channel{h.live, h.histories} {
		// A map may change while it is ranged over (Go specification, "For
		// statements"), and it does so only behind the lock.
		for name, c := range channels {
			if wanted(name) {
				all = append(all, c.stats())
			}
			if looked++; looked%channelsAtOnce == 0 {
				h.mu.Unlock()
				runtime.Gosched() // or this goroutine would mostly be the next to lock
				h.mu.Lock()
			}
		}
	}
	return all
}

func (c *channel) stats() ChannelStats {
	s := ChannelStats{Name: c.name, History: c.history, Subscribers: c.subscribers, Events: c.events, Recent: c.log.len(), Memory: c.log.bytes}
	if c.begun {
		s.LastID = c.headID()
	}
	return s
}
