package answer

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-sse/caddy-sse/handlers/request"
)

// Error answers a refusal of ours with its sentence, as text, or as JSON
// `{"error":"…"}` to a client that asks for it by name. Where handle_errors shapes
// what goes wrong, the error is Caddy's to handle, and stays.
func Error(w http.ResponseWriter, r *http.Request, err *error) {
	var with caddyhttp.HandlerError
	if !errors.As(*err, &with) {
		return
	}
	why, isOurs := with.Err.(*request.Refusal) //nolint:errorlint // one that another error holds is not ours to word
	if !isOurs {
		return
	}
	server, _ := r.Context().Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	if server != nil && server.Errors != nil && isHandled(server.Errors.Routes, server.Errors.WithError(r, *err)) {
		return
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if strings.Contains(r.Header.Get("Accept"), "application/json") && request.Accepts(r, "application/json") {
		h.Set("Content-Type", "application/json")
		w.WriteHeader(with.StatusCode)
		*err = json.NewEncoder(w).Encode(struct {
			Error string `json:"error"`
		}{why.Sentence})
		return
	}
	h.Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(with.StatusCode)
	_, *err = io.WriteString(w, why.Sentence+"\n")
}

// isHandled reports whether one of the error routes is for the request.
func isHandled(routes caddyhttp.RouteList, r *http.Request) bool {
	for _, route := range routes {
		if isFor, err := route.MatcherSets.AnyMatchWithError(r); err != nil || !isFor {
			continue
		}
		for _, handler := range route.Handlers {
			if sub, isSub := handler.(*caddyhttp.Subroute); !isSub || isHandled(sub.Routes, r) {
				return true
			}
		}
	}
	return false
}
