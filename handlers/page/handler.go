// Package page is what directives share that answer with a page of JSON about a channel:
// which requests they take, and how a page is written, so that neither many pages nor
// clients that do not read theirs take much memory.
package page

import (
	"net/http"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-sse/caddy-sse/handlers/answer"
	"github.com/caddy-sse/caddy-sse/handlers/request"
	"github.com/caddy-sse/caddy-sse/module/sites"
)

// A Handler is what a directive has that answers with pages. The directive embeds it.
type Handler struct {
	request.OneChannel
}

// Serve answers a GET or HEAD request that accepts JSON with the page of its channel,
// which answers by itself. All others go on to the next handler.
func (h *Handler) Serve(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler, page func(channel string) error) (err error) {
	defer answer.Error(w, r, &err)
	if !request.AsksForJSON(r) {
		return next.ServeHTTP(w, r)
	}
	w.Header().Add("Vary", "Accept")
	if err := request.CheckNoBody(w, r); err != nil {
		return answer.Refuse(w, http.StatusBadRequest, err)
	}
	if err := h.CheckPath(r); err != nil {
		return answer.Refuse(w, http.StatusBadRequest, err)
	}
	channel, err := request.ChannelName(request.Replacer(r), h.Channel)
	if err != nil {
		return answer.Refuse(w, http.StatusBadRequest, err)
	}
	return page(channel)
}

// Use implements [sites.Directive].
func (h *Handler) Use() sites.Use {
	return sites.Use{
		Channels: []string{h.Channel}, Methods: request.Reading,
		Does: "takes from what comes after it all GET and HEAD requests that accept application/json, or anything",
	}
}
