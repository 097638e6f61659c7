// Package transport is how frames reach one client: through its socket, or, where
// that cannot be had, through its http.ResponseWriter. [Open] chooses. All
// transports are outlets of the hub, and behave the same; each is in a file of its
// own, and has a line in [openers] and one in [ExpectedOf].
package transport

import (
	"errors"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-sse/caddy-sse/internal/eventstream"
	"github.com/caddy-sse/caddy-sse/internal/jitter"
)

// Reasons for the end of a subscription.
var (
	ErrLeft    = errors.New("the client left")
	ErrSlow    = errors.New("too slow: more waits for the client than its limit")
	ErrStalled = errors.New("stalled: the client took nothing for too long")
	ErrOld     = errors.New("open for its longest time")
	ErrExpired = errors.New("expired: the client's right to it has ended")
)

// Options say how subscriptions live, which share them.
type Options struct {
	// Heartbeat is after how long a silence a heartbeat is sent; zero: never.
	Heartbeat time.Duration
	// Beat makes a heartbeat; nil: it is a comment, [eventstream.Heartbeat].
	Beat func() *eventstream.Frame
	// MaxDuration is after how long the subscription ends, give or take 10 %,
	// so that those who came together do not come back together; zero: never.
	MaxDuration time.Duration
	// Until is when the subscription ends since the client's right to it does; the zero
	// time: never.
	Until time.Time
	// Retry is the reconnection time, give or take half, with which the
	// subscription ends after MaxDuration, at Until, or when more than Pending waits; zero:
	// the client keeps the one that it has.
	Retry time.Duration
	// Pending is how many bytes may wait for the client.
	Pending int
	// WriteTimeout is for how long the client may take nothing while something
	// waits for it.
	WriteTimeout time.Duration
	// Written, if there is one, counts the bytes that were.
	Written *atomic.Uint64
	// IsWhole, if there is one, reports whether a subscription that ends for that reason
	// is a whole response: any other is broken off, as by an error (RFC 9112, section 8,
	// RFC 9113, section 8.1). Nil: all that end in order are whole.
	IsWhole func(reason error) bool
}

// isWhole reports whether a response that ends for that reason is a whole one.
func (o *Options) isWhole(reason error) bool { return o.IsWhole == nil || o.IsWhole(reason) }

func (o *Options) beat() *eventstream.Frame {
	if o.Beat == nil {
		return eventstream.Heartbeat
	}
	return o.Beat()
}

func (o *Options) wrote(n int) {
	if o.Written != nil {
		o.Written.Add(uint64(n))
	}
}

// longest is for how long a subscription that begins now may be open; zero: for ever.
func (o *Options) longest() time.Duration {
	longest := jitter.Spread(o.MaxDuration, 0.1)
	if o.Until.IsZero() {
		return longest
	}
	left := max(time.Until(o.Until), 1)
	if left > forever {
		return longest // and no sum of it overflows
	}
	if longest == 0 || left < longest {
		return left
	}
	return longest
}

// forever is longer than a connection lives.
const forever = 10 * 365 * 24 * time.Hour

// whyEnded is the reason for the end of one that has been open for its longest time.
func (o *Options) whyEnded() error {
	if !o.Until.IsZero() && time.Until(o.Until) < time.Second/10 { // timers are not that exact
		return ErrExpired
	}
	return ErrOld
}

// lastFrame is what the subscription ends with: a reconnection time, and a blank
// line, without which some clients take no notice of the end.
func (o *Options) lastFrame() *eventstream.Frame {
	return eventstream.RetryFrame(jitter.Spread(o.Retry, 0.5))
}

// Info says which transport a subscriber has. It is shared by all that have it, and not
// changed.
type Info struct {
	// Name is what metrics, the log and the admin API call it.
	Name string
	// Bytes of memory, and Files, are about what one subscriber takes (see bench).
	Bytes int64
	Files int
}

// ExpectedOf is the transport that the subscriber of a request will probably have. Which it
// is, is known only once the header is written.
func ExpectedOf(r *http.Request) *Info {
	if r.ProtoMajor == 2 && hasSession(r) {
		return http2Info
	}
	return Expected(r.ProtoMajor, r.TLS != nil)
}

// Expected is the transport that subscribers probably have over that version of HTTP, if
// nothing else is known of their connections.
func Expected(major int, isTLS bool) *Info {
	switch {
	case !haveSockets || major != 1:
		return responseInfo
	case isTLS && !takesTLS():
		return responseInfo
	case isTLS:
		return tlsInfo
	}
	return socketInfo
}

// Names are those of all transports that subscribers over that version of HTTP may
// have.
func Names(major int) []string {
	switch major {
	case 1:
		return []string{socketInfo.Name, responseInfo.Name}
	case 2:
		return []string{http2Info.Name, responseInfo.Name}
	}
	return []string{responseInfo.Name}
}

// Prepare has the requests of a server bring what [Open] needs. It is for a
// handler's Provision.
func Prepare(s *caddyhttp.Server) { s.RegisterConnContext(connContext) }

// A Delivery is a subscriber's transport, whose outlet is not made yet.
type Delivery interface {
	// Info says which transport it is.
	Info() *Info
	// Outlet makes the outlet. It is called once, in the subscriber's loop.
	Outlet(Loop) Outlet
	// Serve is called once, by the handler, when the outlet is made or will be. It
	// returns when the transport does not need the handler any more, which may be
	// at once.
	Serve()
}

// An Outlet takes frames for one client; see hub.Outlet.
type Outlet interface {
	Send(*eventstream.Frame)
	Flush()
	WhenWritten(func())
	Close(reason error)
	Waiting() int
}

// A subscription is what transports are opened for.
type subscription struct {
	w       http.ResponseWriter
	r       *http.Request
	poller  *Poller
	options *Options
	ended   func(End)
}

// openers are the transports, the cheapest first. Each returns nil if it is not one
// for that subscription.
var openers = []func(*subscription) (Delivery, error){openSocket, openHTTP2, openResponse}

// Open begins the delivery of a response, whose header has been written, by the
// cheapest transport that it can have. When the subscription is over, ended is called,
// once, from wherever. With an error the client has left, and nothing has begun.
func Open(w http.ResponseWriter, r *http.Request, p *Poller, o *Options, ended func(End)) (Delivery, error) {
	s := &subscription{w, r, p, o, ended}
	for _, open := range openers {
		if d, err := open(s); d != nil || err != nil {
			return d, err
		}
	}
	return nil, errors.ErrUnsupported // the last one is for everybody
}

// A Loop is the goroutine that a socket belongs to: all its methods, and
// whatever is given to Do, run there.
type Loop interface {
	Do(func())
	// Now is the time since some moment, as of when the loop last looked.
	Now() time.Duration
}

// An End is how a subscription ended.
type End struct {
	Reason error
	// Bytes is how many were written, of the body.
	Bytes int64
	// Open is how long it was open.
	Open time.Duration
}
