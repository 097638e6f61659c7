package subscribe

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/caddy-sse/caddy-sse/handlers/answer"
	"github.com/caddy-sse/caddy-sse/handlers/request"
	"github.com/caddy-sse/caddy-sse/internal/eventstream"
	"github.com/caddy-sse/caddy-sse/internal/feed"
	"github.com/caddy-sse/caddy-sse/internal/gateway"
	"github.com/caddy-sse/caddy-sse/internal/hub"
	"github.com/caddy-sse/caddy-sse/internal/protocol"
)

// runTimeout is for how long an answer waits for where the channel's newest run is.
const runTimeout = 3 * time.Second

// findRun has somebody who comes for the first time begin where the newest run does.
// Where there is nothing to be sent, it answers instead.
func (s *Subscribe) findRun(w http.ResponseWriter, r *http.Request, asked *hub.Request) (isAnswered bool, err error) {
	if s.History == nil || !s.History.All {
		return false, nil
	}
	isNew := asked.LastEventID == ""
	if !isNew && s.Ends == nil {
		return false, nil
	}
	most := 0
	if isNew {
		most = asked.Max
	}
	ctx, cancel := context.WithTimeout(r.Context(), runTimeout)
	defer cancel()
	run, err := s.app.Gateway().Feed.Run(ctx, asked.Channels[0].Channel, most)
	switch {
	case err == nil && s.Ends != nil && s.Ends.isNone(run, asked.LastEventID):
		return true, s.answerNone(w, r)
	case err != nil && s.Ends != nil:
		return true, s.sendAway(w, r, protocol.BusyHistory, s.retry())
	case isNew: // where nothing can be read, all that is there is replayed once it can be
		asked.LastEventID = run.Start.String()
	}
	return false, nil
}

// isNone reports whether there is nothing for somebody who was there in the history.
func (e *Ends) isNone(run feed.Run, lastEventID string) bool {
	switch {
	case run.Newest == (protocol.EntryID{}):
		return true
	case !run.HasEnded:
		return false
	case lastEventID == "":
		return e.AfterEnd == none204
	}
	at, _ := protocol.ParseShortEntryID(lastEventID)
	return at == run.Newest
}

func (s *Subscribe) answerNone(w http.ResponseWriter, r *http.Request) error {
	switch s.Ends.None {
	case noneEmpty:
		return gateway.SendNothing(w)
	case none404:
		w.Header().Set("Cache-Control", "no-store") // a run may begin
		return answer.Refuse(w, http.StatusNotFound, errors.New("no run is here, or it is over"))
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// sendAway answers somebody who is to come back: an EventSource by an event, for which
// any status but 200 is the end. Where runs end, others read each event as a part of the
// answer, and a status is right for them.
func (s *Subscribe) sendAway(w http.ResponseWriter, r *http.Request, reason protocol.BusyReason, retry time.Duration) error {
	s.app.Gateway().CountBusy(reason)
	if s.Ends != nil && !request.Names(r, eventstream.ContentType) {
		w.Header().Set("Retry-After", answer.Seconds(retry))
		return answer.Refuse(w, http.StatusServiceUnavailable, errors.New("come back later: "+string(reason)))
	}
	return gateway.SendAway(w, r, reason, retry)
}
