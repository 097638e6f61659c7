package main

import (
	"net/http"
	"net/url"
	"strings"
)

// Caddy asks these before it lets anybody subscribe or send. The answer's headers
// tell it who it is, and it names the channel by them, not by what the browser
// says.

// gateSubscribe lets members subscribe to what is theirs: /sse/subscribe/{key}.
func (a *app) gateSubscribe(w http.ResponseWriter, r *http.Request, me member) error {
	if askedPath(r) != "/sse/subscribe/"+me.Key {
		return problem{http.StatusForbidden, "that is somebody else's, not yours"}
	}
	return letIn(w, me)
}

// gateConnect lets every member into the room of every post: /connect/{post}.
func (a *app) gateConnect(w http.ResponseWriter, r *http.Request, me member) error {
	room, ok := strings.CutPrefix(askedPath(r), "/connect/")
	if !ok {
		return errNoPost
	}
	if _, err := a.authorOf(r.Context(), room); err != nil {
		return err
	}
	w.Header().Set("X-Room", room)
	return letIn(w, me)
}

// gateSend lets admins send to everyone, from pages of this site alone.
func (a *app) gateSend(w http.ResponseWriter, r *http.Request, me member) error {
	// What Caddy asks with is a GET, which no site is kept from sending.
	asked := r.Clone(r.Context())
	asked.Method = r.Header.Get("X-Forwarded-Method")
	if err := new(http.CrossOriginProtection).Check(asked); err != nil {
		return problem{http.StatusForbidden, err.Error()}
	}
	if !me.Admin {
		return problem{http.StatusForbidden, "only admins send to everyone"}
	}
	return letIn(w, me)
}

func letIn(w http.ResponseWriter, me member) error {
	w.Header().Set("X-Member-Key", me.Key)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// askedPath is the path that the browser asked Caddy for.
func askedPath(r *http.Request) string {
	asked, err := url.ParseRequestURI(r.Header.Get("X-Forwarded-Uri"))
	if err != nil {
		return ""
	}
	return asked.Path
}
