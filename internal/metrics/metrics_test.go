package metrics

import (
	"slices"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/caddy-sse/caddy-sse/internal/gateway"
	"github.com/caddy-sse/caddy-sse/internal/hub"
	"github.com/caddy-sse/caddy-sse/internal/protocol"
)

// What is collected is what is described, and all that can happen is there as zero before
// it does. A registry may be told of it twice.
func TestRegister(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	for range 2 {
		if err := Register(registry, PerChannel{Wants: func(string) bool { return true }, Max: 1}); err != nil {
			t.Fatal(err)
		}
	}
	read := func(name, label string) float64 {
		t.Helper()
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			for _, m := range f.GetMetric() {
				if f.GetName() == "caddy_sse_"+name && m.GetLabel()[0].GetValue() == label {
					return m.GetCounter().GetValue()
				}
			}
		}
		t.Fatalf("there is no %s of %s", name, label)
		return 0
	}
	for _, r := range gateway.PublishResults {
		read("publishes_total", string(r))
	}
	for _, r := range protocol.BusyReasons {
		read("busy_total", string(r))
	}
	for _, r := range gateway.CloseReasons {
		read("subscribers_closed_total", string(r))
	}
	for _, r := range protocol.Reasons {
		read("gaps_total", string(r))
	}
	before := read("publishes_total", "late")
	gateway.CountPublish(gateway.Late)
	if got := read("publishes_total", "late") - before; got != 1 {
		t.Errorf("one was counted as %g", got)
	}
}

// The channels with the most subscribers have metrics of their own, each once.
func TestChoose(t *testing.T) {
	all := []hub.ChannelStats{
		{Name: "b", Subscribers: 2},
		{Name: "a", Subscribers: 2},
		{Name: "a", Subscribers: 1},
		{Name: "a", Subscribers: 3, History: true},
		{Name: "c", Subscribers: 1},
	}
	for n := range 6 {
		want := []hub.ChannelStats{all[3], all[1], all[0], all[4]}
		want = want[:min(n, len(want))]
		if got := (PerChannel{Max: n}).choose(slices.Clone(all)); !slices.Equal(got, want) {
			t.Errorf("of %d, %v were chosen", n, got)
		}
	}
}
