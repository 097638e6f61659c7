// Package admin is what Caddy's admin endpoint says of the gateways of its
// process, and does to them:
//
//	GET    /sse/                          how it stands with each gateway and its Redis
//	GET    /sse/channels?prefix=&limit=   channels, those with the most subscribers first
//	GET    /sse/channels/<name>           one
//	GET    /sse/subscribers?id=&member=&channel=&ip=&limit=
//	DELETE /sse/subscribers?id=&member=&channel=&ip=&forbid=10m
//	POST   /sse/publish                   {"channel","data","event","store"}
//	GET    /sse/tail?channel=             what a subscriber receives, as Server-Sent Events
//
// A member, a channel and an address (or a network of them) choose those who match
// all that is given. Limits are how many are listed, 100 unless said otherwise.
// Anyone who reaches the admin endpoint may do all that.
package admin

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/caddy-sse/caddy-sse/internal/gateway"

	"github.com/caddyserver/caddy/v2"
)

func init() {
	caddy.RegisterModule(API{})
}

// API is the part of Caddy's admin endpoint under `/sse/`.
type API struct{}

// CaddyModule returns the Caddy module information.
func (API) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "admin.api.sse",
		New: func() caddy.Module { return new(API) },
	}
}

// Routes implements [caddy.AdminRouter].
func (API) Routes() []caddy.AdminRoute {
	return []caddy.AdminRoute{
		{Pattern: "/sse/", Handler: caddy.AdminHandlerFunc(root)},
		{Pattern: "/sse/channels", Handler: only(http.MethodGet, listChannels)},
		{Pattern: "/sse/channels/", Handler: only(http.MethodGet, showChannel)},
		{Pattern: "/sse/subscribers", Handler: caddy.AdminHandlerFunc(subscribers)},
		{Pattern: "/sse/publish", Handler: only(http.MethodPost, publish)},
		{Pattern: "/sse/tail", Handler: only(http.MethodGet, tail)},
	}
}

// root is all that is not another route's.
func root(w http.ResponseWriter, r *http.Request) error {
	if r.URL.Path != "/sse/" {
		return problem(http.StatusNotFound, errors.New("there is /sse/, /sse/channels, /sse/subscribers, /sse/publish and /sse/tail"))
	}
	return only(http.MethodGet, showStatus)(w, r)
}

// only refuses other methods.
func only(method string, handler caddy.AdminHandlerFunc) caddy.AdminHandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		if r.Method != method {
			w.Header().Set("Allow", method)
			return problem(http.StatusMethodNotAllowed, fmt.Errorf("%s takes %s only", r.URL.Path, method))
		}
		return handler(w, r)
	}
}

func problem(status int, err error) error { return caddy.APIError{HTTPStatus: status, Err: err} }

func answer(w http.ResponseWriter, v any) error {
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(v)
}

// gateways are all that there are.
func gateways() ([]*gateway.Gateway, error) {
	all := gateway.All()
	if len(all) == 0 {
		return nil, problem(http.StatusServiceUnavailable, errors.New("this configuration has no gateway: no site has a directive that begins with sse_"))
	}
	return all, nil
}

const (
	// defaultLimit is how many are listed unless said otherwise.
	defaultLimit = 100
	// maxLimit bounds the memory of an answer: 20 MB or so.
	maxLimit = 100_000
)

func parseLimit(r *http.Request) (int, error) {
	text := r.URL.Query().Get("limit")
	if text == "" {
		return defaultLimit, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxLimit {
		return 0, problem(http.StatusBadRequest, fmt.Errorf("limit: %q is not a whole number from 1 to %d", text, maxLimit))
	}
	return n, nil
}

// checkQuery refuses parameters that are not known: a misspelt one could choose
// everybody.
func checkQuery(r *http.Request, known ...string) error {
	for name := range r.URL.Query() {
		found := false
		for _, k := range known {
			found = found || k == name
		}
		if !found {
			return problem(http.StatusBadRequest, fmt.Errorf("there is no parameter %q: only %s", name, strings.Join(known, ", ")))
		}
	}
	return nil
}

// Interface guard
var _ caddy.AdminRouter = API{}
