package handlers

import (
	"net/http"

	"github.com/caddy-sse/caddy-sse/module/eventstream"
)

// lastEventID is where the client was: what its browser says when it comes back
// (HTML Standard, section 9.2.3), or, for a first load or a library that cannot
// set a header, the URL.
func lastEventID(r *http.Request) string {
	id := r.Header.Get("Last-Event-ID")
	if id == "" && r.URL.RawQuery != "" {
		query := r.URL.Query()
		if id = query.Get("lastEventId"); id == "" {
			id = query.Get("last_event_id")
		}
	}
	return id[:min(len(id), eventstream.MaxID)] // what is longer is none of ours
}
