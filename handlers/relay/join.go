package relay

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/caddy-sse/caddy-sse/handlers/answer"
	"github.com/caddy-sse/caddy-sse/internal/gateway"
	"github.com/caddy-sse/caddy-sse/internal/hub"
	"github.com/caddy-sse/caddy-sse/internal/protocol"
)

// join gives a request the run of the channel, from after that entry on.
func (h *Relay) join(w http.ResponseWriter, r *http.Request, to target, after protocol.EntryID) error {
	to.tell(w.Header())
	s := h.spec(r)
	s.Request.Channels = []hub.ChannelRequest{{Channel: to.channel, View: protocol.View{Format: protocol.Text}}}
	s.Request.History, s.Request.Max = true, mostEvents
	s.Request.LastEventID = after.String()
	s.Request.Ends, s.Request.SilentGaps = h.ends, true
	return h.opened(w, h.App.Gateway().Open(w, r, s))
}

// opened is the answer to a request for which no subscription was opened.
func (h *Relay) opened(w http.ResponseWriter, err error) error {
	if errors.Is(err, gateway.ErrBanned) {
		return answer.Refuse(w, http.StatusForbidden, err)
	}
	return err
}

const (
	// backTimeout is for how long it is waited for whether somebody comes back.
	backTimeout = 3 * time.Second
	// lookAgain is after how long it is looked again for an event that is not stored yet.
	lookAgain = 50 * time.Millisecond
)

// comesBack finds the newest run of the channel for a GET request that comes back to it, as
// an EventSource does: the app is not asked again. It goes on after that entry; isOver says
// that this is the end.
func (h *Relay) comesBack(r *http.Request, channel string) (after protocol.EntryID, isBack, isOver bool) {
	at, hasID := protocol.ParseShortEntryID(r.Header.Get("Last-Event-ID"))
	if r.Method != http.MethodGet || !hasID {
		return at, false, false
	}
	ctx, cancel := context.WithTimeout(r.Context(), backTimeout)
	defer cancel()
	for {
		run, err := h.App.Gateway().Feed.Run(ctx, channel, mostEvents)
		switch {
		case err != nil || run.Start == (protocol.EntryID{}) || at.Compare(run.Start) < 0:
			return at, false, false
		case at.Compare(run.Newest) <= 0:
			return at, true, run.HasEnded && at == run.Newest
		case run.HasEnded || at.Ms != run.Start.Ms:
			return at, false, false
		}
		select {
		case <-time.After(lookAgain): // it had the event before Redis did
		case <-ctx.Done():
			return at, false, false
		}
	}
}
