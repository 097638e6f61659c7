package limits

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/protocol"
)

var (
	ann  = netip.MustParseAddr("192.0.2.1")
	ben  = netip.MustParseAddr("192.0.2.2")
	six  = netip.MustParseAddr("2001:db8:0:1::1")
	too6 = netip.MustParseAddr("2001:db8:0:1:ffff::2") // of the same network
)

// Each limit holds at its edge, and what one scope refuses the others give back.
func TestEdges(t *testing.T) {
	gateway, site := new(Counter), new(Counter)
	scopes := []Scope{
		{gateway, Limits{Subscribers: 5, Bytes: 1000}},
		{site, Limits{Subscribers: 4, PerIP: 2}},
	}
	admit := func(ip netip.Addr, cost int64, want protocol.BusyReason) *Permit {
		t.Helper()
		permit, got := Admit(scopes, ip, cost)
		if got != want || (permit == nil) != (want != "") {
			t.Errorf("%s was answered %q, not %q", ip, got, want)
		}
		return permit
	}
	first := admit(ann, 10, "")
	admit(ann, 10, "")
	admit(ann, 10, protocol.BusyPerIP)
	admit(six, 10, "")
	admit(too6, 10, "")
	admit(ben, 10, protocol.BusySubscribers)
	if gateway.count != 4 || !scopes[1].IsFull() || scopes[0].IsFull() {
		t.Errorf("%d are in", gateway.count)
	}
	first.Leave()
	first.Leave()
	admit(ben, 971, protocol.BusySubscribers)
	admit(ben, 970, "")
	if gateway.count != 4 || !scopes[0].IsFull() {
		t.Errorf("%d are in", gateway.count)
	}
}

func TestOldestOfAMemberGoes(t *testing.T) {
	scopes := []Scope{{new(Counter), Limits{PerMember: 2}}}
	var gone []int
	var permits []*Permit
	bind := func(member string) {
		permit, _ := Admit(scopes, ann, 1)
		n := len(permits)
		permits = append(permits, permit)
		permit.BindMember(member, func() { gone = append(gone, n) })
	}
	bind("ann") // 0
	bind("ann") // 1
	bind("ben") // 2
	bind("ann") // 3, and so 0 goes
	permits[0].Leave()
	permits[1].Leave()
	bind("ann") // 4
	bind("ann") // 5, and so 3 goes
	if want := []int{0, 3}; !slices.Equal(gone, want) {
		t.Errorf("%v went, not %v", gone, want)
	}
	for _, permit := range permits {
		permit.Leave()
	}
	if d := scopes[0].Counter; d.count != 0 || len(d.ips) != 0 || len(d.members) != 0 || d.bytes != 0 {
		t.Errorf("there remains %+v", d)
	}
}

func TestRates(t *testing.T) {
	var r Rates
	for i := range 7 {
		if got := r.Allow(Network(ann), 5); got != (i < 5) {
			t.Errorf("the %d. was allowed: %t", i+1, got)
		}
	}
	if !r.Allow(Network(ben), 5) || !r.Allow(Network(ann), 0) || !r.Allow(Network(netip.Addr{}), 1) {
		t.Error("others were not allowed")
	}
	for i := range uint32(maxClients + 1000) {
		r.Allow(Network(netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, i)))), 0.001)
	}
	if n := len(r.clients); n > maxClients {
		t.Errorf("%d clients are remembered", n)
	}
}
