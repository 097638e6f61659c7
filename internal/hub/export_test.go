package hub

import "time"

// Settle waits until the loops have done what they were given.
func (h *Hub) Settle() {
	for _, l := range h.loops {
		done := make(chan struct{})
		l.Do(func() {})
		// What is done after a flush comes with the next turn.
		l.Do(func() { l.Do(func() { close(done) }) })
		<-done
	}
}

// EndPendingGaps has it that nobody is expected to have gaps pending.
func (h *Hub) EndPendingGaps() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.pendingGapsUntil = time.Time{}
}

// MaxLingering is for tests.
const MaxLingering = maxLingering
