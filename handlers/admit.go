package handlers

import (
	"errors"
	"net/http"

	"github.com/caddy-sse/caddy-sse/internal/eventstream"
	"github.com/caddy-sse/caddy-sse/internal/gateway"
)

// busyRetryFactor is how many reconnection times a client is to stay away that is over
// a limit.
const busyRetryFactor = 5

// tooMany answers a subscriber who is over a limit: so that an EventSource comes
// back, or, if so configured, with the status that says it.
func (s *Subscribe) tooMany(w http.ResponseWriter, r *http.Request, reason eventstream.BusyReason) error {
	s.app.Gateway().CountBusy(reason)
	if !s.limits.Refuses() {
		if r.ProtoMajor == 1 {
			w.Header().Set("Connection", "close") // an idle connection would cost as much
		}
		return gateway.SendAway(w, r, reason, busyRetryFactor*s.retry())
	}
	status := http.StatusServiceUnavailable
	switch reason {
	case eventstream.BusyPerIP, eventstream.BusyConnectRate:
		status = http.StatusTooManyRequests
	}
	w.Header().Set("Retry-After", seconds(busyRetryFactor*s.retry()))
	return refuse(w, status, errors.New("over the limit of "+string(reason)))
}
