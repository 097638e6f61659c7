package subscribe

import (
	"errors"
	"net/http"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-sse/caddy-sse/handlers/answer"
	"github.com/caddy-sse/caddy-sse/handlers/opening"
	"github.com/caddy-sse/caddy-sse/handlers/request"
	"github.com/caddy-sse/caddy-sse/internal/eventstream"
	"github.com/caddy-sse/caddy-sse/internal/gateway"
	"github.com/caddy-sse/caddy-sse/internal/hub"
	"github.com/caddy-sse/caddy-sse/internal/jitter"
	"github.com/caddy-sse/caddy-sse/internal/limits"
	"github.com/caddy-sse/caddy-sse/internal/protocol"
	"github.com/caddy-sse/caddy-sse/internal/transport"
)

func (s *Subscribe) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) (err error) {
	defer answer.Error(w, r, &err)
	if s.cors.answerPreflight(w, r) {
		return nil
	}
	if s.stops(r) {
		return s.stopRun(w, r)
	}
	if s.GetOnly && r.Method != http.MethodGet && r.Method != http.MethodHead {
		return s.refuseMethod(w, r)
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead || !request.Accepts(r, eventstream.ContentType) {
		return next.ServeHTTP(w, r)
	}
	if err := request.CheckNoBody(w, r); err != nil {
		return answer.Refuse(w, http.StatusBadRequest, err)
	}
	if err := s.cors.admit(w, r); err != nil {
		return answer.Refuse(w, http.StatusForbidden, err)
	}
	if err := s.path.Check(r); err != nil {
		return answer.Refuse(w, http.StatusBadRequest, err)
	}
	s.http3.Note(r)
	permit, busy := limits.Admit(s.scopes, request.RemoteIP(r), transport.ExpectedOf(r).Bytes)
	if busy != "" {
		return s.tooMany(w, r, busy)
	}
	isPassedOn := false
	defer func() {
		if !isPassedOn {
			permit.Leave()
		}
	}()
	r, err = s.passGate(w, r)
	if r == nil {
		return err
	}
	var by *named // nil: the configuration says what is subscribed to
	if s.FromResponse {
		n, isAnswered, err := s.askApp(w, r, next)
		if isAnswered {
			return err
		}
		by = &n
	}
	spec, err := s.spec(r, by)
	if err != nil {
		return answer.Refuse(w, request.StatusOf(err), err)
	}
	if !spec.Until.IsZero() && !time.Now().Before(spec.Until) {
		return s.sendAway(w, r, protocol.BusyExpired, s.retry())
	}
	if isAnswered, err := s.findRun(w, r, &spec.Request); isAnswered {
		return err
	}
	spec.Permit, isPassedOn = permit, true
	switch err := s.app.Gateway().Open(w, r, spec); {
	case errors.Is(err, gateway.ErrBanned):
		return answer.Refuse(w, http.StatusForbidden, err)
	case errors.Is(err, gateway.ErrNoRoom):
		return s.tooMany(w, r, protocol.BusyChannels)
	default:
		return err
	}
}

// refuseMethod answers a request that cannot subscribe (RFC 9110, sections 9.3.7
// and 15.5.6). A preflight for another method is told of none that it may use.
func (s *Subscribe) refuseMethod(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Allow", "GET, HEAD, OPTIONS")
	if s.Ends != nil && s.Ends.Stop {
		w.Header().Set("Allow", "GET, HEAD, DELETE, OPTIONS")
	}
	if r.Method == http.MethodOptions {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	if err := s.cors.admit(w, r); err != nil {
		return answer.Refuse(w, http.StatusForbidden, err)
	}
	return answer.Refuse(w, http.StatusMethodNotAllowed, errors.New("only GET and HEAD subscribe here"))
}

// greeting is what comes next; nil if there is none.
func (s *Subscribe) greeting(repl *caddy.Replacer) *eventstream.Event {
	if s.Greeting == nil {
		return nil
	}
	return &eventstream.Event{
		Type: repl.ReplaceKnown(s.Greeting.Event, ""),
		Data: s.Greeting.data.Fill(repl),
	}
}

// retry is a reconnection time of the subscriber's own.
func (s *Subscribe) retry() time.Duration { return jitter.Spread(time.Duration(s.Retry), 0.5) }

// spec is what a request asks for, its placeholders filled in, or the app's answer to it.
func (s *Subscribe) spec(r *http.Request, by *named) (*gateway.Spec, error) {
	repl := request.Replacer(r)
	channels, err := by.channelsOr(func() ([]string, error) { return s.channelsOf(r) })
	if err != nil {
		return nil, err
	}
	present, err := s.Presence.channelsOf(r, channels)
	if err != nil {
		return nil, err
	}
	if err := s.Allow.CheckNames(repl, present...); err != nil {
		return nil, err
	}
	member, err := s.Presence.of(repl, present)
	if err != nil {
		return nil, err
	}
	preamble := opening.Preamble(s.retry())
	if by != nil {
		member = by.memberOf(member)
		preamble = preambleOf(s.retry(), by.events)
	}
	until, err := s.until(r, repl)
	if err != nil {
		return nil, err
	}
	asked := hub.Request{
		Channels:    s.channelRequests(repl, channels),
		LastEventID: lastEventID(r),
		Retention:   s.retention,
		Preamble:    preamble,
		Greeting:    s.greeting(repl),
		Away:        s.Away,
		AwayFor:     opening.AwayFor(r, s.app),
		Pending:     s.options.Pending,
		Retry:       time.Duration(s.Retry),
	}
	if s.History != nil {
		asked.History, asked.Last, asked.Max = true, s.History.Last, s.History.Max
	}
	if s.Ends != nil {
		asked.Ends, asked.SilentGaps = s.ends, s.Ends.SilentGaps
	}
	return &gateway.Spec{
		Request: asked, Options: s.options, Member: member, MaxChannels: s.app.MaxChannels(),
		Until: until, RemoteIP: request.RemoteIP(r), Protocol: opening.Protocol(r),
	}, nil
}

func (s *Subscribe) channelRequests(repl *caddy.Replacer, channels []string) []hub.ChannelRequest {
	requests := make([]hub.ChannelRequest, len(channels))
	for i, channel := range channels {
		repl.Set(request.EventChannel, channel)
		requests[i] = hub.ChannelRequest{
			Channel: channel,
			View:    protocol.View{Format: s.format, Type: repl.ReplaceKnown(s.Event, "")},
		}
	}
	return requests
}
