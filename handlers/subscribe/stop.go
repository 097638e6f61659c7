package subscribe

import (
	"errors"
	"net/http"

	"github.com/caddy-sse/caddy-sse/handlers/answer"
	"github.com/caddy-sse/caddy-sse/handlers/request"
)

// runParameter is the token of the run that is to be stopped.
const runParameter = "run"

// maxToken is how many bytes it may have.
const maxToken = 64

// stops reports whether a request is to stop a run.
func (s *Subscribe) stops(r *http.Request) bool {
	return r.Method == http.MethodDelete && s.Ends != nil && s.Ends.Stop
}

// stopRun stops the run of the channel, on whatever gateway. Who may subscribe may do so. It
// is answered alike where none is on.
func (s *Subscribe) stopRun(w http.ResponseWriter, r *http.Request) error {
	if err := s.cors.admit(w, r); err != nil {
		return answer.Refuse(w, http.StatusForbidden, err)
	}
	if err := s.path.Check(r); err != nil {
		return answer.Refuse(w, http.StatusBadRequest, err)
	}
	r, err := s.passGate(w, r)
	if r == nil {
		return err
	}
	channels, err := s.channelsOf(r)
	if err != nil {
		return answer.Refuse(w, request.StatusOf(err), err)
	}
	token := "*"
	if query := r.URL.Query(); query.Has(runParameter) {
		if token = query.Get(runParameter); token == "" || len(token) > maxToken || token == "*" {
			return answer.Refuse(w, http.StatusBadRequest, errors.New("run is no token of a run, as Sse-Run has it"))
		}
	}
	if _, err := s.app.Gateway().Relay.Stop(r.Context(), channels[0], token); err != nil {
		return answer.Explain(w, answer.RedisError("stopping a run", channels[0], err))
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
	return nil
}
