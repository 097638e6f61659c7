package hub

import "time"

// Retention says what a channel remembers. Where its subscribers differ, the most
// that any has asked for counts.
type Retention struct {
	// Events and Bytes bound what a channel remembers; the bytes are those of
	// the payloads, and some for each.
	Events, Bytes int
	// Linger is for how long a channel goes on after its last subscriber has
	// left.
	Linger time.Duration
}

// maxLingering is how many channels go on without subscribers: clients can make
// them up.
const maxLingering = 100_000

// channel is the channel of that name, which may be new.
func (h *Hub) channel(name string, history bool) *channel {
	channels := h.live
	if history {
		channels = h.histories
	}
	c := channels[name]
	if c == nil {
		c = &channel{hub: h, name: name, history: history}
		channels[name] = c
		if history {
			h.source.Follow(name, c)
		} else {
			h.source.Listen(name)
		}
	}
	return c
}

// addSubscriber counts a subscriber who wants that much to be kept.
func (c *channel) addSubscriber(r Retention) {
	c.subscribers++
	if c.forgetAt != nil {
		c.forgetAt.Stop()
		c.forgetAt = nil
		c.hub.lingering--
	}
	c.retention = Retention{max(c.retention.Events, r.Events), max(c.retention.Bytes, r.Bytes), max(c.retention.Linger, r.Linger)}
}

// removeSubscriber counts a subscriber who leaves. After the last one the channel lingers.
func (c *channel) removeSubscriber(closed bool) {
	c.subscribers--
	if c.subscribers > 0 {
		return
	}
	if c.retention.Linger <= 0 || closed || c.hub.lingering >= maxLingering {
		c.forget()
		return
	}
	c.hub.lingering++
	var timer *time.Timer
	timer = time.AfterFunc(c.retention.Linger, func() {
		c.hub.mu.Lock()
		defer c.hub.mu.Unlock()
		if c.forgetAt == timer { // nobody has come meanwhile
			c.hub.lingering--
			c.forget()
		}
	})
	c.forgetAt = timer
}

// forget ends the channel.
func (c *channel) forget() {
	c.forgotten = true
	c.forgetSegments()
	c.log.reset(position{}, "")
	if c.evictTimer != nil {
		c.evictTimer.Stop()
	}
	if c.history {
		delete(c.hub.histories, c.name)
		c.hub.source.Unfollow(c.name)
	} else {
		delete(c.hub.live, c.name)
		c.hub.source.Forget(c.name)
	}
}
