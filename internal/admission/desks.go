package admission

import "sync"

// Desks are those of the directives that have limits, by their names. A desk is
// there while a configuration holds it or somebody is in. The zero value has none;
// it is safe for concurrent use.
type Desks struct {
	mu     sync.Mutex
	byName map[string]*held
}

// held is a desk, and how many configurations hold it.
type held struct {
	desk Desk
	by   int
}

// Hold is the desk of that name, which may be new, until release is called, once.
func (d *Desks) Hold(name string) (desk *Desk, release func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	h := d.byName[name]
	if h == nil {
		if d.byName == nil {
			d.byName = make(map[string]*held)
		}
		h = new(held)
		h.desk.emptied = func() { d.letGo(name, h, 0) }
		d.byName[name] = h
	}
	h.by++
	return &h.desk, func() { d.letGo(name, h, 1) }
}

// letGo counts so many holders less, and forgets the desk if it has none and nobody
// is in.
func (d *Desks) letGo(name string, h *held, holders int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if h.by -= holders; h.by == 0 && h.desk.isEmpty() && d.byName[name] == h {
		delete(d.byName, name)
	}
}

// Len is how many there are.
func (d *Desks) Len() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.byName)
}

func (d *Desk) isEmpty() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.count == 0
}
