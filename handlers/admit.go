package handlers

import (
	"errors"
	"net/http"
	"time"

	"github.com/caddy-sse/caddy-sse/module/eventstream"
)

// patience is how many times the reconnection time somebody is to stay away who
// is over a limit.
const patience = 5

// evicted is how long a page is to stay away of whose member there are newer ones:
// it would push one of these out.
const evicted = time.Hour

// tooMany answers a subscriber who is over a limit: so that an EventSource comes
// back, or, if so configured, with the status that says it.
func (s *Subscribe) tooMany(w http.ResponseWriter, r *http.Request, reason eventstream.BusyReason) error {
	s.app.Gateway().CountBusy(reason)
	if !s.limits.Refuses() {
		if r.ProtoMajor == 1 {
			w.Header().Set("Connection", "close") // an idle connection would cost as much
		}
		return s.sendAway(w, r, reason, patience*s.retry())
	}
	status := http.StatusServiceUnavailable
	switch reason {
	case eventstream.BusyPerIP, eventstream.BusyConnectRate:
		status = http.StatusTooManyRequests
	}
	w.Header().Set("Retry-After", seconds(patience*s.retry()))
	return refuse(w, status, errors.New("over the limit of "+string(reason)))
}

// sendAway answers an EventSource that is to come back later: any status but 200
// would end it for good (HTML Standard, section 9.2.3).
func (s *Subscribe) sendAway(w http.ResponseWriter, r *http.Request, reason eventstream.BusyReason, retry time.Duration) error {
	writeHead(w)
	if r.Method == http.MethodHead {
		return nil
	}
	_, err := w.Write(eventstream.BusyFrame(reason, retry).Bytes())
	return err
}
