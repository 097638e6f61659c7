package gateway

import (
	"net/netip"
	"testing"
	"time"
)

func TestForbidden(t *testing.T) {
	var b forbidden
	ann := &Subscription{Member: "ann", Channels: []string{"c"}, RemoteIP: netip.MustParseAddr("192.0.2.1")}
	stranger := &Subscription{Channels: []string{"c"}, RemoteIP: netip.MustParseAddr("192.0.2.1")}
	nobody := &Subscription{Channels: []string{"c"}} // over a Unix socket
	b.add(nobody.itself(), time.Hour)
	b.add(Filter{Member: "ann"}, 0)
	for _, s := range []*Subscription{ann, stranger, nobody} {
		if b.matches(s) {
			t.Errorf("%+v is kept out", s)
		}
	}
	b.add(ann.itself(), time.Hour)
	if !b.matches(ann) || b.matches(stranger) {
		t.Error("not she alone is kept out")
	}
	b.add(stranger.itself(), time.Hour)
	if !b.matches(stranger) || b.matches(nobody) {
		t.Error("not the address is kept out")
	}
	for i := range maxForbidden + 10 {
		b.add(Filter{ID: uint64(i + 1)}, time.Minute)
	}
	if n := len(b.until); n != maxForbidden {
		t.Errorf("%d are remembered", n)
	}
	if !b.matches(ann) {
		t.Error("who has to stay out longest was forgotten first")
	}
}
