package bus

import "sync"

// wanted is the set of channels that are to be heard, and of those names whose
// place in it has changed since the reader last asked.
type wanted struct {
	wake chan struct{} // holds a token while something has changed

	mu       sync.Mutex
	channels map[string]int // how many want each
	changed  map[string]struct{}
}

func newWanted() *wanted {
	return &wanted{
		wake:     make(chan struct{}, 1),
		channels: make(map[string]int),
		changed:  make(map[string]struct{}),
	}
}

func (w *wanted) want(channel string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.channels[channel]++
	w.changed[channel] = struct{}{}
	w.poke()
}

func (w *wanted) forget(channel string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.channels[channel]--; w.channels[channel] > 0 {
		return
	}
	delete(w.channels, channel)
	w.changed[channel] = struct{}{}
	w.poke()
}

func (w *wanted) has(channel string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, has := w.channels[channel]
	return has
}

// touch has the reader look at the channels once more.
func (w *wanted) touch(channels ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range channels {
		w.changed[c] = struct{}{}
	}
	w.poke()
}

// restart is for a new connection, which hears nothing yet.
func (w *wanted) restart() {
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.changed)
	for c := range w.channels {
		w.changed[c] = struct{}{}
	}
	w.poke()
}

// take returns at most n names that have changed, each with whether it is
// wanted now.
func (w *wanted) take(n int) map[string]bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	names := make(map[string]bool, min(n, len(w.changed)))
	for c := range w.changed {
		if len(names) == n {
			w.poke()
			break
		}
		_, names[c] = w.channels[c]
		delete(w.changed, c)
	}
	return names
}

func (w *wanted) poke() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}
