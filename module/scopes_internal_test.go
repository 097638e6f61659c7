package sse

import (
	"net/netip"
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/gateway"
	"github.com/caddy-sse/caddy-sse/internal/limits"
)

// Directives have counters of their own, which a reload finds again, and which are
// gone with the last configuration that has them.
func TestScopes(t *testing.T) {
	t.Parallel()
	g := new(gateway.Gateway)
	app := func() *App { return &App{gateway: g, Limits: new(Limits)} }
	counters := func(a *App, places ...string) (all []*limits.Counter) {
		for _, place := range places {
			_, scopes := a.Scopes(&Limits{Subscribers: 1}, place)
			all = append(all, scopes[1].Counter)
		}
		return all
	}
	first, second := app(), app()
	before := counters(first, "a", "a", "b")
	if before[0] == before[1] || before[0] == before[2] {
		t.Error("two directives share their counters")
	}
	after := counters(second, "new", "b", "a", "a")
	if after[2] != before[0] || after[3] != before[1] || after[1] != before[2] {
		t.Error("a reload does not find the counters")
	}
	_, scopes := second.Scopes(&Limits{Subscribers: 1}, "b")
	permit, _ := limits.Admit(scopes, netip.Addr{}, 1)
	for _, a := range []*App{first, second} {
		if err := a.Cleanup(); err != nil {
			t.Error(err)
		}
	}
	if n := g.Directives.Len(); n != 1 {
		t.Errorf("%d directives are remembered, where one has a subscriber and none is configured", n)
	}
	if permit.Leave(); g.Directives.Len() != 0 {
		t.Error("a directive is remembered that is neither configured nor has subscribers")
	}
}
