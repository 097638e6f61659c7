package http2

import (
	"net"
	"slices"
	"sync"
)

// listeners are those that are open, by address. For as long as a configuration replaces
// another one there are two of an address.
var listeners listenerTable

type listenerTable struct {
	mu        sync.Mutex
	byAddress map[string][]*listener
}

func (t *listenerTable) add(l *listener) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byAddress == nil {
		t.byAddress = make(map[string][]*listener)
	}
	t.byAddress[l.address] = append(t.byAddress[l.address], l)
}

func (t *listenerTable) remove(l *listener) {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := slices.DeleteFunc(t.byAddress[l.address], func(other *listener) bool { return other == l })
	if len(all) == 0 {
		delete(t.byAddress, l.address)
		return
	}
	t.byAddress[l.address] = all
}

// newest is the listener of the configuration that came last, if its server accepts; nil
// if there is none.
func (t *listenerTable) newest(address string) *listener {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := t.byAddress[address]
	for _, l := range slices.Backward(all) {
		if l.begun.Load() {
			return l
		}
	}
	if len(all) > 0 {
		return all[len(all)-1]
	}
	return nil
}

// offer gives a connection to the newest server of an address. It is false if there is
// none.
func offer(address string, c net.Conn) bool {
	for {
		l := listeners.newest(address)
		if l == nil {
			return false
		}
		select {
		case l.conns <- accepted{c, nil}:
			return true
		case <-l.closed:
		}
	}
}
