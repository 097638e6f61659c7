package hub

import "github.com/caddy-sse/caddy-sse/internal/protocol"

// Signal hands a signal to everyone in the channel who is up to date, with
// history or without. It moves nobody's position.
func (h *Hub) Signal(name string, signal protocol.Signal) {
	h.mu.Lock()
	defer h.mu.Unlock()
	frame := signal.Frame()
	for _, c := range []*channel{h.live[name], h.histories[name]} {
		if c == nil {
			continue
		}
		for _, g := range c.groups {
			c.offer(g, frame.Len(), func(l *Loop) {
				for _, sl := range g.shards[l.index].slots {
					sl.subscriber.send(frame)
				}
			})
		}
	}
}
