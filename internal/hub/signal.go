package hub

import "github.com/caddy-sse/caddy-sse/internal/eventstream"

// Signal hands a signal to everyone in the channel who is up to date, with
// history or without. It moves nobody's position.
func (h *Hub) Signal(name string, signal eventstream.Signal) {
	h.mu.Lock()
	defer h.mu.Unlock()
	frame := signal.Frame()
	for _, c := range []*channel{h.live[name], h.histories[name]} {
		if c == nil {
			continue
		}
		for _, a := range c.audiences {
			c.offer(a, frame.Len(), func(l *Loop) {
				for _, m := range a.shares[l.index].members {
					m.subscriber.send(frame)
				}
			})
		}
	}
}
