package subscribe

import (
	"errors"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// A Gate is the routes that decide who may subscribe.
type Gate caddyhttp.RouteList

var errEmptyGate = errors.New("gate is empty, and would let everyone in: leave it out, or say who may subscribe")

// UnmarshalJSON reads the routes. A null, which programs write for a list that is
// empty, is an empty gate, not a missing one: else it would let everybody in.
func (g *Gate) UnmarshalJSON(b []byte) error {
	if err := caddy.StrictUnmarshalJSON(b, (*caddyhttp.RouteList)(g)); err != nil {
		return err
	}
	if *g == nil {
		*g = Gate{}
	}
	return nil
}

// check reports whether a gate that is configured could keep anybody out: each of
// its routes, and of their subroutes, needs a handler.
func (g Gate) check() error {
	if g == nil {
		return nil
	}
	return checkRoutes(caddyhttp.RouteList(g))
}

func checkRoutes(routes caddyhttp.RouteList) error {
	if len(routes) == 0 {
		return errEmptyGate
	}
	for _, route := range routes {
		if len(route.Handlers)+len(route.HandlersRaw) == 0 {
			return errors.New("gate has a route without handlers, which would let everyone in: give it a handler, or leave it out")
		}
		for _, handler := range route.Handlers {
			if subroute, ok := handler.(*caddyhttp.Subroute); ok {
				if err := checkRoutes(subroute.Routes); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
