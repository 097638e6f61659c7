package subscribe

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-sse/caddy-sse/handlers/answer"
	"github.com/caddy-sse/caddy-sse/handlers/request"
	"github.com/caddy-sse/caddy-sse/internal/eventstream"
	"github.com/caddy-sse/caddy-sse/internal/gateway"
	"github.com/caddy-sse/caddy-sse/internal/protocol"
	sse "github.com/caddy-sse/caddy-sse/module"
)

// maxFirstEvents is how many bytes the body of an answer may have that opens a
// subscription.
const maxFirstEvents = 64 << 10

// The header of an answer that opens a subscription.
const (
	channelsHeader = "Sse-Channels"
	memberHeader   = "Sse-Member"
	untilHeader    = "Sse-Until"
)

// What an app says in its answer of the subscription that it opens.
type named struct {
	channels []string
	member   string
	until    time.Time
	events   []byte // the first ones
}

// readNamed reads what the header of an answer says. This is the place for other ways to
// say it, such as GRIP's: they differ in the names of the fields, and not in what follows.
// What is read is taken out: it is not the client's.
func readNamed(h http.Header) (n named, err error) {
	for _, line := range h.Values(channelsHeader) {
		for name := range strings.SplitSeq(line, ",") {
			if name = strings.Trim(name, " \t"); name == "" || slices.Contains(n.channels, name) {
				continue
			}
			if err := sse.CheckChannel(name); err != nil {
				return n, err
			}
			n.channels = append(n.channels, name)
		}
	}
	if len(n.channels) == 0 {
		return n, errors.New(channelsHeader + " names no channel")
	}
	if n.member = h.Get(memberHeader); n.member != "" {
		if err := checkMember(n.member); err != nil {
			return n, err
		}
	}
	if n.until, err = parseTime(h.Get(untilHeader)); err != nil {
		return n, errors.New(untilHeader + ": " + err.Error())
	}
	for _, name := range []string{channelsHeader, memberHeader, untilHeader, "Content-Length", "Content-Type", "Content-Encoding", "Trailer"} {
		h.Del(name)
	}
	return n, nil
}

// askApp has the next handler answer, and reads what its answer says of the subscription
// that it opens. Any other answer goes to the client as it is; then isAnswered.
func (s *Subscribe) askApp(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) (n named, isAnswered bool, err error) {
	before := w.Header().Clone()
	held := &openingAnswer{ResponseWriterWrapper: &caddyhttp.ResponseWriterWrapper{ResponseWriter: w}}
	asked := r.Clone(r.Context())
	asked.Header.Set("Accept-Encoding", "identity")
	err = held.serve(next, asked)
	var failed caddyhttp.HandlerError
	switch {
	case !held.isHeld && errors.As(err, &failed) && passes(failed.StatusCode):
		// The app is away for a while: an EventSource is to come back.
		return n, true, s.sendAway(w, r, protocol.BusyGate, s.retry())
	case !held.isHeld:
		return n, true, err
	case err != nil:
		held.broken = err
	}
	h := w.Header()
	mediaType, _, _ := mime.ParseMediaType(h.Get("Content-Type"))
	coding := strings.TrimSpace(h.Get("Content-Encoding"))
	n, err = readNamed(h)
	switch {
	case err != nil:
	case held.broken != nil:
		err = held.broken
	case mediaType != eventstream.ContentType:
	case coding != "" && !strings.EqualFold(coding, "identity"):
		err = errors.New("its body is compressed")
	default:
		n.events = held.body.Bytes()
	}
	if err == nil {
		err = s.mayHave(r, n.channels)
	}
	if err == nil {
		request.SetUntil(r, n.until)
		return n, false, nil
	}
	clear(h) // what it says is not for an error
	for name, values := range before {
		h[name] = values
	}
	return n, true, answer.Refuse(w, http.StatusBadGateway, request.NewRefusal("the app's answer does not open a subscription as it should", err))
}

// preambleOf is what the subscription begins with: the reconnection time, and what the
// app has said, of which the last event is ended.
func preambleOf(retry time.Duration, events []byte) *eventstream.Frame {
	return eventstream.NewFrame(40+len(events), func(b []byte) []byte {
		b = eventstream.AppendRetry(b, retry)
		b = append(b, bytes.TrimPrefix(events, []byte("\ufeff"))...)
		if len(events) > 0 && !bytes.HasSuffix(events, []byte("\n\n")) {
			b = append(b, "\n\n"...)
		}
		return b
	})
}

// An openingAnswer holds an answer back that opens a subscription: one of status 2xx with
// the header that names channels. Any other goes through.
type openingAnswer struct {
	*caddyhttp.ResponseWriterWrapper
	wrote, isHeld bool
	body          bytes.Buffer
	broken        error // why an answer that is held is not whole
}

// serve has the handler answer. Where an answer that is held breaks off, which reverse_proxy
// says by a panic, nothing of it has gone out yet.
func (a *openingAnswer) serve(next caddyhttp.Handler, r *http.Request) error {
	defer func() {
		if !a.isHeld {
			return
		}
		if panicked := recover(); panicked != nil && a.broken == nil {
			a.broken = fmt.Errorf("it breaks off: %v", panicked)
		}
	}()
	return next.ServeHTTP(a, r)
}

func (a *openingAnswer) WriteHeader(status int) {
	if a.wrote {
		return
	}
	if a.wrote = status >= 200; a.wrote && status < 300 && len(a.Header().Values(channelsHeader)) > 0 {
		a.isHeld = true
		return
	}
	a.ResponseWriterWrapper.WriteHeader(status)
}

func (a *openingAnswer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	if !a.isHeld {
		return a.ResponseWriterWrapper.Write(p)
	}
	if a.body.Len()+len(p) > maxFirstEvents {
		a.broken = fmt.Errorf("its body is larger than %d bytes", maxFirstEvents)
		return 0, a.broken // the app need not go on
	}
	return a.body.Write(p)
}

// ReadFrom is Write for io.Copy.
func (a *openingAnswer) ReadFrom(r io.Reader) (int64, error) {
	a.WriteHeader(http.StatusOK)
	if !a.isHeld {
		return a.ResponseWriterWrapper.ReadFrom(r)
	}
	return io.Copy(struct{ io.Writer }{a}, r)
}

// FlushError is for http.ResponseController.
func (a *openingAnswer) FlushError() error {
	a.WriteHeader(http.StatusOK)
	if a.isHeld {
		return nil
	}
	return http.NewResponseController(a.ResponseWriter).Flush()
}

// memberOf is the member that the subscriber is, which the app's answer may name; else it is
// the configured one. What else is said of it is the configuration's.
func (n *named) memberOf(configured *gateway.Member) *gateway.Member {
	switch {
	case n.member == "":
		return configured
	case configured != nil:
		configured.ID = n.member
		return configured
	}
	return &gateway.Member{ID: n.member, Channels: n.channels, Linger: DefaultLinger}
}

// channelsOr are those that the app's answer names, or, without one, the others.
func (n *named) channelsOr(others func() ([]string, error)) ([]string, error) {
	if n == nil {
		return others()
	}
	return n.channels, nil
}
