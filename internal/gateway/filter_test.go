package gateway

import (
	"net/netip"
	"testing"
	"time"
)

func TestBans(t *testing.T) {
	var b bans
	ann := &Subscription{Member: "ann", Channels: []string{"c"}, RemoteIP: netip.MustParseAddr("192.0.2.1")}
	stranger := &Subscription{Channels: []string{"c"}, RemoteIP: netip.MustParseAddr("192.0.2.1")}
	nobody := &Subscription{Channels: []string{"c"}} // over a Unix socket
	b.add(nobody.identityFilter(), time.Hour)
	b.add(Filter{Member: "ann"}, 0)
	for _, s := range []*Subscription{ann, stranger, nobody} {
		if b.matches(s) {
			t.Errorf("%+v is kept out", s)
		}
	}
	b.add(ann.identityFilter(), time.Hour)
	if !b.matches(ann) || b.matches(stranger) {
		t.Error("not she alone is kept out")
	}
	b.add(stranger.identityFilter(), time.Hour)
	if !b.matches(stranger) || b.matches(nobody) {
		t.Error("not the address is kept out")
	}
	for i := range maxBans + 10 {
		b.add(Filter{ID: uint64(i + 1)}, time.Minute)
	}
	if n := len(b.until); n != maxBans {
		t.Errorf("%d are remembered", n)
	}
	if !b.matches(ann) {
		t.Error("who has to stay out longest was forgotten first")
	}
}
