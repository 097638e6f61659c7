// Package page is what directives share that answer with a page of JSON about a channel:
// which requests they take, and how a page is written, so that neither many pages nor
// clients that do not read theirs take much memory.
package page

import (
	"cmp"
	"errors"
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-sse/caddy-sse/handlers/answer"
	"github.com/caddy-sse/caddy-sse/handlers/request"
	"github.com/caddy-sse/caddy-sse/internal/block"
	"github.com/caddy-sse/caddy-sse/module/sites"
)

// A Handler is what a directive has that answers with pages. The directive embeds it.
type Handler struct {
	request.OneChannel

	// Has the app say by a signature in the URL which channel its client may read, and until
	// when, instead of `channel`; see `signed` of sse_subscribe. Default: none.
	Signed request.Signed `json:"signed,omitempty"`

	keys [][]byte
}

// SetUp is the part of the directive's Provision.
func (h *Handler) SetUp(ctx caddy.Context) (err error) {
	if h.keys, err = h.Signed.Keys(); err != nil {
		return err
	}
	return h.OneChannel.SetUp(ctx)
}

// CheckChannel checks the channel as it stands in the configuration of a directive that
// has this name, and what is in its place.
func (h *Handler) CheckChannel(directive string) error {
	switch {
	case len(h.Signed) == 0:
		return h.OneChannel.CheckChannel(directive)
	case h.Channel != "":
		return errors.New("signed has the channel named by the request: leave out the channel")
	}
	return cmp.Or(h.Signed.Check(), h.Allow.Check())
}

// ParseCaddyfile reads the directive, whose block has these other lines.
func (h *Handler) ParseCaddyfile(d *caddyfile.Dispenser, lines block.Subdirectives, check func() error) error {
	lines["signed"] = request.ParseSigned(d, &h.Signed)
	return h.OneChannel.ParseCaddyfile(d, lines, check)
}

// name is the channel that a request names.
func (h *Handler) name(r *http.Request) (string, error) {
	if len(h.keys) == 0 {
		return h.Name(request.Replacer(r))
	}
	names, err := request.SignedChannels(r, h.keys)
	switch {
	case err != nil:
		return "", err
	case len(names) > 1:
		return "", errors.New("this is about one channel, not several")
	}
	return names[0], h.Allow.CheckNames(request.Replacer(r), names...)
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
	channel, err := h.name(r)
	if err != nil {
		return answer.Refuse(w, request.StatusOf(err), err)
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
