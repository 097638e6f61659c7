// Package wake wakes one goroutine that waits for something to do.
package wake

// A Signal is a wake-up that is kept until somebody takes it: however often it is
// set meanwhile, it wakes once. It is safe for concurrent use. One that is nil never
// wakes.
type Signal chan struct{}

// New makes a signal that is not set.
func New() Signal { return make(Signal, 1) }

// Set wakes who receives from the signal, now or next. It does not block.
func (s Signal) Set() {
	select {
	case s <- struct{}{}:
	default:
	}
}

// Clear takes the wake-up back, if nobody has taken it yet.
func (s Signal) Clear() {
	select {
	case <-s:
	default:
	}
}
