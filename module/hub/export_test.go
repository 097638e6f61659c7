package hub

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

// MaxLingering is for tests.
const MaxLingering = maxLingering
