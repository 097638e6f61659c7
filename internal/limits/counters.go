package limits

import "sync"

// Counters are those of the directives that have limits, by their names. A counter is
// there while a configuration holds it or somebody is in. The zero value has none;
// it is safe for concurrent use.
type Counters struct {
	mu     sync.Mutex
	byName map[string]*held
}

// held is a counter, and how many configurations hold it.
type held struct {
	counter Counter
	by      int
}

// Hold is the counter of that name, which may be new, until release is called, once.
func (c *Counters) Hold(name string) (counter *Counter, release func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.byName[name]
	if h == nil {
		if c.byName == nil {
			c.byName = make(map[string]*held)
		}
		h = new(held)
		h.counter.emptied = func() { c.letGo(name, h, 0) }
		c.byName[name] = h
	}
	h.by++
	return &h.counter, func() { c.letGo(name, h, 1) }
}

// letGo counts so many holders less, and forgets the counter if it has none and nobody
// is in.
func (c *Counters) letGo(name string, h *held, holders int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if h.by -= holders; h.by == 0 && h.counter.isEmpty() && c.byName[name] == h {
		delete(c.byName, name)
	}
}

// Len is how many there are.
func (c *Counters) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.byName)
}

func (c *Counter) isEmpty() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.count == 0
}
