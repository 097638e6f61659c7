package handlers

import (
	"net/http"
	"strings"

	"go.uber.org/zap"

	"github.com/caddy-sse/caddy-sse/module/sites"
)

// warnOfNames logs which channels look as if something else was meant. Redis takes
// such names, so that they are no errors.
func warnOfNames(log *zap.Logger, names ...string) {
	for _, name := range names {
		switch {
		case strings.HasPrefix(name, "/"), strings.HasPrefix(name, "@"):
			log.Warn("a channel looks like a matcher, and is none: a matcher stands first, right after the directive", zap.String("channel", name))
		case strings.Contains(withoutPlaceholders(name), "*"):
			log.Warn("a channel's name holds a *, which is no wildcard here: it is the one channel of just this name", zap.String("channel", name))
		}
	}
}

// withoutPlaceholders is a text without its placeholders.
func withoutPlaceholders(text string) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "{")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		_, text, _ = strings.Cut(rest, "}")
	}
}

// reading are the methods of what is only read.
var reading = []string{http.MethodGet, http.MethodHead}

// Use implements [sites.Directive].
func (s *Subscribe) Use() sites.Use {
	if s.GetOnly {
		return sites.Use{Channels: s.Channels, Does: "takes all requests from what comes after it, but those GET and HEAD requests that accept something else than text/event-stream"}
	}
	return sites.Use{Channels: s.Channels, Methods: reading, Does: "takes from what comes after it all GET and HEAD requests that accept text/event-stream, or anything, as those of scripts and health checks do"}
}

// Use implements [sites.Directive].
func (p *Publish) Use() sites.Use {
	if p.FromResponse {
		return sites.Use{
			Channels: []string{p.Channel}, Methods: []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}, GoesOn: true,
			Does: "publishes what is answered to all POST, PUT, PATCH and DELETE requests",
		}
	}
	return sites.Use{Channels: []string{p.Channel}, Methods: []string{http.MethodPost, http.MethodPut}, Does: "takes all POST and PUT requests from what comes after it"}
}

// Use implements [sites.Directive].
func (h *History) Use() sites.Use {
	return sites.Use{Channels: []string{h.Channel}, Methods: reading, Does: takesJSON}
}

// Use implements [sites.Directive].
func (p *Presence) Use() sites.Use {
	return sites.Use{Channels: []string{p.Channel}, Methods: reading, Does: takesJSON}
}

// Use implements [sites.Directive].
func (*Health) Use() sites.Use {
	return sites.Use{Methods: reading, Does: "takes all GET and HEAD requests from what comes after it"}
}

const takesJSON = "takes from what comes after it all GET and HEAD requests that accept application/json, or anything"

// Interface guards
var (
	_ sites.Directive = (*Subscribe)(nil)
	_ sites.Directive = (*Publish)(nil)
	_ sites.Directive = (*History)(nil)
	_ sites.Directive = (*Presence)(nil)
	_ sites.Directive = (*Health)(nil)
)
