package subscribe

import (
	"net/http"

	"github.com/caddy-sse/caddy-sse/internal/eventstream"
)

// queryNames are how a URL may call it, the first that has a value first: as the
// page's own property is called, and as Mercure has called it over time.
var queryNames = []string{"lastEventId", "lastEventID", "last_event_id", "Last-Event-ID"}

// lastEventID is where the client was: what its browser says when it comes back
// (HTML Standard, section 9.2.3), or, for a first load or a library that cannot
// set a header, the URL.
func lastEventID(r *http.Request) string {
	id := r.Header.Get("Last-Event-ID")
	if id == "" && r.URL.RawQuery != "" {
		query := r.URL.Query()
		for _, name := range queryNames {
			if id = query.Get(name); id != "" {
				break
			}
		}
	}
	return id[:min(len(id), eventstream.MaxID)] // what is longer is none of ours
}
