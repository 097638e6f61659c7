package gateway

import (
	"errors"
	"net/http"
	"net/netip"
	"strconv"
	"time"
	"unique"

	"github.com/caddy-sse/caddy-sse/internal/eventstream"
	"github.com/caddy-sse/caddy-sse/internal/hub"
	"github.com/caddy-sse/caddy-sse/internal/limits"
	"github.com/caddy-sse/caddy-sse/internal/presence"
	"github.com/caddy-sse/caddy-sse/internal/protocol"
	"github.com/caddy-sse/caddy-sse/internal/relay"
	"github.com/caddy-sse/caddy-sse/internal/transport"
)

// A Spec is a request to subscribe, as a handler has read it.
type Spec struct {
	// Request is what the hub is asked for; [Gateway.Open] fills in Meta.
	Request hub.Request
	// Options say how it is delivered.
	Options *transport.Options
	// Until is when the right to it ends; the zero time: never.
	Until time.Time
	// Permit is its admission; nil if it is not counted.
	Permit *limits.Permit
	// Member is who it is to others; nil if it has no presence.
	Member *Member
	// MaxChannels is how many channels the gateway may have; zero: any number.
	MaxChannels int
	// RemoteIP is the client's address; the zero value if it has none.
	RemoteIP netip.Addr
	// Protocol is http/1.1, http/2 or http/3, or admin.
	Protocol string
	// Run, if there is one, brings the events of its channel, and those of Request, which
	// then has none, do not.
	Run *RunClient
}

// A RunClient is the client that has asked for a run.
type RunClient struct {
	Channel string
	Client  *relay.Client
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
// channels, waits until they are subscribed, writes the head of the response, enters
// presence, delivers, and leaves, each exactly once, whatever ends it. It returns
// when the subscription is over, or has gone on without the handler; see
// [transport.Delivery]. With an error it has begun nothing, and written nothing.
//
// The permit is Open's from here on. What a subscription keeps is neither the
// request's nor the handler's, which a reload replaces.
func (g *Gateway) Open(w http.ResponseWriter, r *http.Request, spec *Spec) error {
	o := &opening{gateway: g, subscription: spec.subscription(r), permit: spec.Permit, run: spec.Run}
	defer o.leaveUnlessDelivered() // also if a handler's writer panics, as http.ErrAbortHandler asks for
	switch {
	case g.isBanned(o.subscription):
		return ErrBanned
	case spec.MaxChannels > 0 && !g.HasRoom(o.subscription.Channels, spec.Request.History, spec.MaxChannels):
		return ErrNoRoom
	case r.Method == http.MethodHead:
		writeStreamHead(w, spec)
		return nil
	}
	o.join(spec)
	transport.LiftWriteTimeout(w, r)
	g.awaitReady(r.Context(), o.subscriber)
	g.Hub.Open(o.subscriber)
	writeStreamHead(w, spec)
	delivery, err := transport.Open(w, r, g.Poller, spec.options(), o.ended)
	if err != nil {
		return nil //nolint:nilerr // the client has left
	}
	// The head is out: from here on it is a subscription, that others see.
	o.enter(spec.Member)
	o.deliver(delivery)
	return nil
}

// subscription is what is known of the subscriber.
func (s *Spec) subscription(r *http.Request) *Subscription {
	sub := &Subscription{RemoteIP: s.RemoteIP, Protocol: s.Protocol, Since: time.Now()}
	for _, in := range s.Request.Channels {
		sub.Channels = append(sub.Channels, in.Channel)
	}
	if s.Run != nil {
		sub.Channels = []string{s.Run.Channel}
	}
	if s.Member != nil {
		sub.Member = s.Member.ID
	}
	sub.transport.Store(transport.ExpectedOf(r))
	return sub
}

// options are those of the directive, unless the subscription has an end of its own.
func (s *Spec) options() *transport.Options {
	if s.Until.IsZero() {
		return s.Options
	}
	own := *s.Options
	own.Until = s.Until
	return &own
}

// An opening is a subscription on its way in, and what it has to leave again.
type opening struct {
	gateway      *Gateway
	subscription *Subscription
	permit       *limits.Permit
	subscriber   *hub.Subscriber // nil until it has joined
	handle       *presence.Handle
	run          *RunClient // nil: its events are its channels'
	unwatch      func()     // nil: it waits for the end of no run
	delivered    bool
}

func (o *opening) join(spec *Spec) {
	request := spec.Request
	request.Meta = o.subscription
	o.subscriber = hub.NewSubscriber(request)
	o.gateway.Join(o.subscriber)
	if request.Ends != (unique.Handle[protocol.Ends]{}) && spec.Run == nil {
		o.unwatch = o.gateway.Relay.Watch(request.Channels[0].Channel)
	}
	if spec.Member != nil && o.permit != nil {
		gateway, subscriber := o.gateway, o.subscriber
		o.permit.BindMember(spec.Member.ID, func() {
			gateway.CountBusy(protocol.BusyPerMember)
			gateway.CloseSubscriber(subscriber, evictedFrame(&request), hub.ErrTooMany)
		})
	}
}

// evictedFrame is the last one of a subscriber whose member has newer ones; where runs
// end, some clients read each event as a part of an answer, so that there it is none.
func evictedFrame(r *hub.Request) *eventstream.Frame {
	if r.Ends != (unique.Handle[protocol.Ends]{}) {
		return eventstream.RetryFrame(evictedRetry)
	}
	return protocol.BusyFrame(protocol.BusyPerMember, evictedRetry)
}

func (o *opening) enter(m *Member) {
	if m != nil {
		o.handle = o.gateway.Presence.Enter(m.Channels, m.ID, m.Info, m.Linger)
	}
}

// deliver brings the subscriber its events, for as long as the transport needs the
// handler, and from then on in the hub's loop.
func (o *opening) deliver(d transport.Delivery) {
	o.delivered = true
	o.subscription.transport.Store(d.Info())
	o.gateway.opened(o.subscription)
	o.gateway.Attach(o.subscriber, func(l *hub.Loop) hub.Outlet { return d.Outlet(l) })
	if o.run != nil {
		o.gateway.Supply(o.subscriber, o.run.Client)
		o.run.Client.Opened(func() { o.gateway.Wake(o.subscriber) })
	}
	d.Serve()
}

// ended is called by the transport, when the subscription is over.
func (o *opening) ended(e transport.End) {
	o.leave()
	o.gateway.closed(o.subscription, e)
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
	if o.run != nil {
		o.run.Client.Left()
	}
	if o.unwatch != nil {
		o.unwatch()
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

// HeartbeatHeader says after how many seconds of silence a stream has a heartbeat, by
// which a client knows when to take it for dead; 0: it has none.
const HeartbeatHeader = "Sse-Heartbeat"

func writeStreamHead(w http.ResponseWriter, spec *Spec) {
	w.Header().Set(HeartbeatHeader, strconv.FormatFloat(spec.Options.Heartbeat.Seconds(), 'f', -1, 64))
	writeHead(w)
}

// SendNothing answers with a stream that has no events, and ends.
func SendNothing(w http.ResponseWriter) error {
	writeHead(w)
	return nil
}

// SendAway answers an EventSource that is to come back after a reconnection time:
// any status but 200 would end it for good (HTML Standard, section 9.2.3).
func SendAway(w http.ResponseWriter, r *http.Request, reason protocol.BusyReason, retry time.Duration) error {
	writeHead(w)
	if r.Method == http.MethodHead {
		return nil
	}
	_, err := w.Write(protocol.BusyFrame(reason, retry).Bytes())
	return err
}
