package handlers

import (
	"errors"
	"net/http"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-sse/caddy-sse/handlers/request"
	"github.com/caddy-sse/caddy-sse/internal/jitter"
	sse "github.com/caddy-sse/caddy-sse/module"
	"github.com/caddy-sse/caddy-sse/module/admission"
	"github.com/caddy-sse/caddy-sse/module/delivery"
	"github.com/caddy-sse/caddy-sse/module/eventstream"
	"github.com/caddy-sse/caddy-sse/module/hub"
)

func (s *Subscribe) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) (err error) {
	defer answerRefusal(w, r, &err)
	if s.cors.answerPreflight(w, r) {
		return nil
	}
	if s.GetOnly && r.Method != http.MethodGet && r.Method != http.MethodHead {
		return s.refuseMethod(w, r)
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead || !accepts(r, eventstream.ContentType) {
		return next.ServeHTTP(w, r)
	}
	if err := request.CheckNoBody(w, r); err != nil {
		return refuse(w, http.StatusBadRequest, err)
	}
	if err := s.cors.admit(w, r); err != nil {
		return refuse(w, http.StatusForbidden, err)
	}
	if err := s.path.Check(r); err != nil {
		return refuse(w, http.StatusBadRequest, err)
	}
	ticket, busy := admission.Admit(s.scopes, remoteIP(r), sse.CostOf(r))
	if busy != "" {
		return s.tooMany(w, r, busy)
	}
	isOpen := false
	defer func() {
		if !isOpen {
			ticket.Leave()
		}
	}()
	r, err = s.passGate(w, r)
	if r == nil {
		return err
	}
	repl := replacer(r)
	channels, err := channelNames(repl, s.Channels)
	if err != nil {
		return refuse(w, http.StatusBadRequest, err)
	}
	who, err := s.Presence.of(repl, channels)
	if err != nil {
		return refuse(w, http.StatusBadRequest, err)
	}
	gateway := s.app.Gateway()
	subscription := &sse.Subscription{
		Channels: channels, Member: who.id, RemoteIP: remoteIP(r), Protocol: protocol(r), Since: time.Now(), Ticket: ticket,
	}
	if gateway.IsForbidden(subscription) {
		return refuse(w, http.StatusForbidden, errors.New("an operator has closed this subscription, and it may not come back yet"))
	}
	if !gateway.HasRoom(channels, s.History != nil, s.app.MaxChannels()) {
		return s.tooMany(w, r, eventstream.BusyChannels)
	}
	if r.Method == http.MethodHead {
		writeHead(w)
		return nil
	}
	isOpen = true
	s.open(w, r, repl, subscription, who)
	return nil
}

// refuseMethod answers a request that cannot subscribe (RFC 9110, sections 9.3.7
// and 15.5.6). A preflight for another method is told of none that it may use.
func (s *Subscribe) refuseMethod(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Allow", "GET, HEAD, OPTIONS")
	if r.Method == http.MethodOptions {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	if err := s.cors.admit(w, r); err != nil {
		return refuse(w, http.StatusForbidden, err)
	}
	return refuse(w, http.StatusMethodNotAllowed, errors.New("only GET and HEAD subscribe here"))
}

// open subscribes the client, and delivers until it leaves, or until its
// connection is taken over.
func (s *Subscribe) open(w http.ResponseWriter, r *http.Request, repl *caddy.Replacer, subscription *sse.Subscription, who member) {
	gateway := s.app.Gateway()
	subscriber := hub.NewSubscriber(s.request(r, repl, subscription))
	gateway.Join(subscriber)
	leave := func() {
		gateway.Leave(subscriber)
		subscription.Ticket.Leave()
	}
	isDelivered := false
	defer func() {
		if !isDelivered { // a handler's writer panicked, as http.ErrAbortHandler asks for
			leave()
		}
	}()
	if s.Presence != nil {
		subscription.Ticket.Claim(subscription.Member, func() {
			gateway.CountBusy(eventstream.BusyPerMember)
			gateway.CloseSubscriber(subscriber, eventstream.BusyFrame(eventstream.BusyPerMember, evicted), hub.ErrTooMany)
		})
	}
	delivery.LiftWriteTimeout(w, r)
	gateway.AwaitReady(r.Context(), subscriber)
	gateway.Open(subscriber)
	writeHead(w)
	conn := delivery.TakeOver(w, r)
	if conn == nil && http.NewResponseController(w).Flush() != nil {
		return
	}
	// The head is out: from here on it is a subscription, that others see.
	if s.Presence != nil {
		visit := gateway.Presence.Enter(who.channels, who.id, who.info, s.Presence.linger())
		left := leave
		leave = func() { left(); visit.Leave() }
	}
	isDelivered = true
	deliver(w, r, conn, gateway, subscriber, s.options, subscription, leave)
}

// deliver brings the subscriber its events, until it leaves: in the hub's loop,
// if its connection was taken over, so that the handler returns at once; else
// here. Either way what it keeps is neither the request's nor the handler's,
// which a reload replaces.
func deliver(w http.ResponseWriter, r *http.Request, conn *delivery.Conn, gateway *sse.Gateway, subscriber *hub.Subscriber, options *delivery.Options, subscription *sse.Subscription, leave func()) {
	ended := func(e delivery.End) {
		leave()
		gateway.Closed(subscription, e)
	}
	if conn != nil {
		subscription.TakenOver()
		gateway.Opened(subscription)
		gateway.Attach(subscriber, func(loop *hub.Loop) hub.Outlet {
			return delivery.NewSocket(conn, loop, gateway.Poller, options, ended)
		})
		return
	}
	gateway.Opened(subscription)
	end := delivery.End{Reason: delivery.ErrLeft}
	defer func() { ended(end) }() // also if a handler's writer panics
	out := delivery.NewResponse(options)
	gateway.Attach(subscriber, func(*hub.Loop) hub.Outlet { return out })
	end = out.Serve(r.Context(), w)
}

// opening is what every subscription begins with: the reconnection time.
func (s *Subscribe) opening() *eventstream.Frame {
	return eventstream.NewFrame(32, func(b []byte) []byte { return eventstream.AppendRetry(b, s.retry()) })
}

// greeting is what comes next; nil if there is none.
func (s *Subscribe) greeting(repl *caddy.Replacer) *eventstream.Event {
	if s.Greeting == nil {
		return nil
	}
	return &eventstream.Event{
		Type: repl.ReplaceKnown(s.Greeting.Event, ""),
		Data: s.Greeting.data.fill(repl),
	}
}

// retry is a reconnection time of the subscriber's own.
func (s *Subscribe) retry() time.Duration { return jitter.Spread(time.Duration(s.Retry), 0.5) }

// request is what the hub is asked for.
func (s *Subscribe) request(r *http.Request, repl *caddy.Replacer, subscription *sse.Subscription) hub.Request {
	request := hub.Request{
		Interests:   s.interests(repl, subscription.Channels),
		About:       subscription,
		LastEventID: lastEventID(r),
		Keep:        s.keep,
		Opening:     s.opening(),
		Greeting:    s.greeting(repl),
		Away:        s.Away,
		Pending:     s.options.Pending,
		Retry:       time.Duration(s.Retry),
	}
	if s.History != nil {
		request.History, request.Last, request.Max = true, s.History.Last, s.History.Max
	}
	return request
}

func (s *Subscribe) interests(repl *caddy.Replacer, channels []string) []hub.Interest {
	interests := make([]hub.Interest, len(channels))
	for i, channel := range channels {
		repl.Set("sse.channel", channel)
		interests[i] = hub.Interest{
			Channel: channel,
			View:    eventstream.View{Format: s.format, Type: repl.ReplaceKnown(s.Event, "")},
		}
	}
	return interests
}

// writeHead writes the status and the headers. WriteHeader comes before any
// flush, which Caddy's recorder otherwise drops.
func writeHead(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", eventstream.ContentType)
	// no-transform keeps `encode`, and proxies on the way, from compressing,
	// which delays events and costs megabytes a subscriber.
	h.Set("Cache-Control", "no-cache, no-transform")
	h.Set("X-Accel-Buffering", "no") // nginx, in front of us
	w.WriteHeader(http.StatusOK)
}
