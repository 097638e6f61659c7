package subscribe

import (
	"errors"
	"net/http"

	"github.com/caddy-sse/caddy-sse/handlers/answer"
	"github.com/caddy-sse/caddy-sse/internal/protocol"
)

// busyRetryFactor is how many reconnection times a client is to stay away that is over
// a limit.
const busyRetryFactor = 5

// tooMany answers a subscriber who is over a limit: so that an EventSource comes
// back, or, if so configured, with the status that says it.
func (s *Subscribe) tooMany(w http.ResponseWriter, r *http.Request, reason protocol.BusyReason) error {
	if !s.limits.Refuses() {
		if r.ProtoMajor == 1 {
			w.Header().Set("Connection", "close") // an idle connection would cost as much
		}
		return s.sendAway(w, r, reason, busyRetryFactor*s.retry())
	}
	s.app.Gateway().CountBusy(reason)
	status := http.StatusServiceUnavailable
	switch reason {
	case protocol.BusyPerIP, protocol.BusyConnectRate:
		status = http.StatusTooManyRequests
	}
	w.Header().Set("Retry-After", answer.Seconds(busyRetryFactor*s.retry()))
	return answer.Refuse(w, status, errors.New("over the limit of "+string(reason)))
}
