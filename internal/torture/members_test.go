package torture

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/presence"
)

// The members of a room are all on one gateway, and those who watch it on the
// others. After faults of Redis the gateway is killed: everyone who watches is
// told that the members have left, and that they are back.
func TestTortureMembers(t *testing.T) {
	const rooms = 20
	server := startRedis(t)
	gateways := startGateways(t, server, "\t\tpresence_ttl 3s\n")
	random := dice(t)
	r := newReport(newDiary())

	var watchers []*watcher
	var watching, members []*subscriber
	for i := range rooms {
		room := fmt.Sprint("room:", i)
		for _, g := range gateways[1:] {
			w := &watcher{present: make(map[string]bool)}
			watchers = append(watchers, w)
			watching = append(watching, &subscriber{path: "/live/" + room, listener: w, gateways: []gateway{g}, random: random()})
		}
		members = append(members, &subscriber{
			path: fmt.Sprint("/member/", room, "?member=", i), listener: new(watcher), gateways: gateways[:1], random: random(),
		})
	}
	seen := func(present bool) func() bool {
		return func() bool { return all(watchers, func(w *watcher) bool { return w.sees(present) }) }
	}
	gather(t, r, watching)
	if !await(reach, func() bool { return all(watchers, (*watcher).hasOpened) }) {
		t.Fatal("the gateways do not answer everyone")
	}
	gather(t, r, members)
	if !await(reach, seen(true)) {
		t.Fatal("not everyone was told that the members are there")
	}

	chance := random()
	r.diary.strike([]fault{killPubSub(server), killNormal(server), restart(server, chance), freeze(server)}, chance, func() bool { return true })
	if !seen(true)() {
		t.Error("faults of Redis have made members leave who are there")
	}
	gateways[0].kill()
	if !await(reach, seen(false)) {
		t.Error("not everyone was told that the members of a killed gateway have left")
	}
	gateways[0].run()
	if !await(reach, seen(true)) {
		t.Error("not everyone was told that the members are back")
	}
	r.judge(t)
}

// A watcher knows who is present, as it was told.
type watcher struct {
	mu      sync.Mutex
	visits  int
	present map[string]bool
}

func (w *watcher) opened(int, string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.visits++
}

func (w *watcher) heard(e event) {
	var who struct{ ID string }
	if w.present == nil || json.Unmarshal(e.data, &who) != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch e.kind {
	case presence.JoinType:
		w.present[who.ID] = true
	case presence.LeaveType:
		delete(w.present, who.ID)
	}
}

func (w *watcher) hasOpened() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.visits > 0
}

// sees reports whether the one member of its room is present, or is not.
func (w *watcher) sees(present bool) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.present) > 0 == present
}
