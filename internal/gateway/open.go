package gateway

import (
	"errors"
	"net/http"
	"net/netip"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/admission"
	"github.com/caddy-sse/caddy-sse/internal/eventstream"
	"github.com/caddy-sse/caddy-sse/internal/hub"
	"github.com/caddy-sse/caddy-sse/internal/presence"
	"github.com/caddy-sse/caddy-sse/internal/transport"
)

// A Spec is a request to subscribe, as a handler has read it.
type Spec struct {
	// Request is what the hub is asked for; [Gateway.Open] fills in Meta.
	Request hub.Request
	// Options say how it is delivered.
	Options *transport.Options
	// Permit is its admission; nil if it is not counted.
	Permit *admission.Permit
	// Member is who it is to others; nil if they are not told.
	Member *Member
	// MaxChannels is how many channels the gateway may have; zero: any number.
	MaxChannels int
	// RemoteIP is the client's address; the zero value if it has none.
	RemoteIP netip.Addr
	// Protocol is http/1.1, http/2 or http/3, or admin.
	Protocol string
}

// A Member is who a subscriber is to others, and where.
type Member struct {
	ID, Info string
	Channels []string
	// Linger is for how long it stays after its last subscriber has left.
	Linger time.Duration
}

// Why [Gateway.Open] has not opened a subscription.
var (
	ErrBanned = errors.New("an operator has closed this subscription, and it may not come back yet")
	ErrNoRoom = errors.New("the gateway has as many channels as it may have")
)

// evictedRetry is how long a page is to stay away of whose member there are newer ones:
// it would push one of these out.
const evictedRetry = time.Hour

// Open is the life of a subscription, from its admission to its end: it joins its
// channels, waits until they are heard, writes the head of the response, enters
// presence, delivers, and leaves, each exactly once, whatever ends it. It returns
// when the subscription is over, or has gone on without the handler; see
// [transport.TakeOver]. With an error it has begun nothing, and written nothing.
//
// The permit is Open's from here on. What a subscription keeps is neither the
// request's nor the handler's, which a reload replaces.
func (g *Gateway) Open(w http.ResponseWriter, r *http.Request, spec *Spec) error {
	o := &opening{gateway: g, subscription: spec.subscription(), permit: spec.Permit}
	defer o.leaveUnlessDelivered() // also if a handler's writer panics, as http.ErrAbortHandler asks for
	switch {
	case g.isBanned(o.subscription):
		return ErrBanned
	case spec.MaxChannels > 0 && !g.HasRoom(o.subscription.Channels, spec.Request.History, spec.MaxChannels):
		return ErrNoRoom
	case r.Method == http.MethodHead:
		writeHead(w)
		return nil
	}
	o.join(spec)
	transport.LiftWriteTimeout(w, r)
	g.awaitReady(r.Context(), o.subscriber)
	g.Hub.Open(o.subscriber)
	writeHead(w)
	conn := transport.TakeOver(w, r)
	if conn == nil && http.NewResponseController(w).Flush() != nil {
		return nil // the client has left
	}
	// The head is out: from here on it is a subscription, that others see.
	o.enter(spec.Member)
	o.deliver(w, r, conn, spec.Options)
	return nil
}

// subscription is what is known of the subscriber.
func (s *Spec) subscription() *Subscription {
	sub := &Subscription{RemoteIP: s.RemoteIP, Protocol: s.Protocol, Since: time.Now()}
	for _, in := range s.Request.Channels {
		sub.Channels = append(sub.Channels, in.Channel)
	}
	if s.Member != nil {
		sub.Member = s.Member.ID
	}
	return sub
}

// An opening is a subscription on its way in, and what it has to leave again.
type opening struct {
	gateway      *Gateway
	subscription *Subscription
	permit       *admission.Permit
	subscriber   *hub.Subscriber // nil until it has joined
	handle       *presence.Handle
	delivered    bool
}

func (o *opening) join(spec *Spec) {
	request := spec.Request
	request.Meta = o.subscription
	o.subscriber = hub.NewSubscriber(request)
	o.gateway.Join(o.subscriber)
	if spec.Member != nil && o.permit != nil {
		gateway, subscriber := o.gateway, o.subscriber
		o.permit.BindMember(spec.Member.ID, func() {
			gateway.CountBusy(eventstream.BusyPerMember)
			gateway.CloseSubscriber(subscriber, eventstream.BusyFrame(eventstream.BusyPerMember, evictedRetry), hub.ErrTooMany)
		})
	}
}

func (o *opening) enter(m *Member) {
	if m != nil {
		o.handle = o.gateway.Presence.Enter(m.Channels, m.ID, m.Info, m.Linger)
	}
}

// deliver brings the subscriber its events: in the hub's loop, if its connection
// was taken over, so that the handler returns at once; else here.
func (o *opening) deliver(w http.ResponseWriter, r *http.Request, conn *transport.Conn, options *transport.Options) {
	gateway, sub := o.gateway, o.subscription
	o.delivered = true
	ended := func(e transport.End) {
		o.leave()
		gateway.closed(sub, e)
	}
	if conn != nil {
		sub.takenOver()
		gateway.opened(sub)
		gateway.Attach(o.subscriber, func(loop *hub.Loop) hub.Outlet {
			return transport.NewSocket(conn, loop, gateway.Poller, options, ended)
		})
		return
	}
	gateway.opened(sub)
	end := transport.End{Reason: transport.ErrLeft}
	defer func() { ended(end) }()
	out := transport.NewResponse(options)
	gateway.Attach(o.subscriber, func(*hub.Loop) hub.Outlet { return out })
	end = out.Serve(r.Context(), w)
}

func (o *opening) leaveUnlessDelivered() {
	if !o.delivered {
		o.leave()
	}
}

func (o *opening) leave() {
	if o.subscriber != nil {
		o.gateway.Leave(o.subscriber)
	}
	if o.permit != nil {
		o.permit.Leave()
	}
	if o.handle != nil {
		o.handle.Leave()
	}
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

// SendAway answers an EventSource that is to come back after a reconnection time:
// any status but 200 would end it for good (HTML Standard, section 9.2.3).
func SendAway(w http.ResponseWriter, r *http.Request, reason eventstream.BusyReason, retry time.Duration) error {
	writeHead(w)
	if r.Method == http.MethodHead {
		return nil
	}
	_, err := w.Write(eventstream.BusyFrame(reason, retry).Bytes())
	return err
}
