package relay

import (
	"context"
	crand "crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/caddy-sse/caddy-sse/handlers/answer"
	"github.com/caddy-sse/caddy-sse/handlers/opening"
	"github.com/caddy-sse/caddy-sse/handlers/request"
	"github.com/caddy-sse/caddy-sse/internal/eventstream"
	"github.com/caddy-sse/caddy-sse/internal/gateway"
	"github.com/caddy-sse/caddy-sse/internal/protocol"
	"github.com/caddy-sse/caddy-sse/internal/ratelog"
	"github.com/caddy-sse/caddy-sse/internal/relay"
)

func (h *Relay) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) (err error) {
	defer answer.Error(w, r, &err)
	if !isFor(r) {
		return next.ServeHTTP(w, r)
	}
	if err := h.CheckPath(r); err != nil {
		return h.refuse(w, http.StatusBadRequest, err)
	}
	h.http3.Note(r)
	body, err := h.readBody(w, r)
	if err != nil {
		gateway.CountRelay(gateway.RelayBad)
		return answer.Explain(w, err)
	}
	to, err := h.target(r, body)
	if err != nil {
		return h.refuse(w, http.StatusBadRequest, err)
	}
	switch after, isBack, isOver := h.comesBack(r, to.channel); {
	case isOver:
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusNoContent) // which stops an EventSource
		return nil
	case isBack:
		return h.join(w, r, to, after)
	}
	run, start, err := h.acquire(r.Context(), to.channel)
	switch {
	case r.Context().Err() != nil:
		if run != nil {
			run.Release()
		}
		return nil // the client has left
	case errors.Is(err, errConflict):
		gateway.CountRelay(gateway.RelayRefused)
		return answer.Refuse(w, http.StatusConflict, err)
	case err != nil:
		h.off(w.Header(), to.channel, err)
		return next.ServeHTTP(w, withBody(r, r.Context(), body))
	case run == nil:
		gateway.CountRelay(gateway.RelayJoined)
		return h.join(w, r, to, start)
	}
	return h.ask(w, r, next, &asked{run: run, target: to, body: body})
}

// isFor reports whether the answer to a request may be relayed.
func isFor(r *http.Request) bool {
	switch r.Method {
	case http.MethodGet:
		return r.Header.Get("Upgrade") == "" && request.Accepts(r, eventstream.ContentType)
	case http.MethodPost, http.MethodPut, http.MethodPatch:
		return r.Header.Get("Upgrade") == ""
	}
	return false
}

func (h *Relay) refuse(w http.ResponseWriter, status int, err error) error {
	gateway.CountRelay(gateway.RelayBad)
	return answer.Refuse(w, status, err)
}

// readBody reads all of it: Go's server closes it when the handler returns, and the app
// may go on.
func (h *Relay) readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return nil, nil
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, h.MaxBody))
	if errors.As(err, new(*http.MaxBytesError)) {
		return nil, caddyhttp.Error(http.StatusRequestEntityTooLarge, fmt.Errorf("the body is larger than %d bytes", h.MaxBody))
	}
	if err != nil {
		return nil, caddyhttp.Error(http.StatusBadRequest, request.NewRefusal("the body cannot be read", err))
	}
	return body, nil
}

// A target is where an answer goes.
type target struct{ channel, resume string }

// target fills in the placeholders. One of the channel that has no value is refused.
func (h *Relay) target(r *http.Request, body []byte) (to target, err error) {
	repl := request.Replacer(r)
	if h.takesJSON {
		repl.Map(request.JSONPlaceholders(request.RequestJSON, body))
	}
	repl.Set(request.RelayID, strings.ToLower(crand.Text()))
	if to.channel, err = h.Name(repl); err != nil || h.Resume == "" {
		return to, err
	}
	to.resume, err = repl.ReplaceFunc(h.Resume, func(name string, value any) (any, error) {
		if strings.HasPrefix(name, "sse.") {
			return url.PathEscape(caddy.ToString(value)), nil
		}
		return value, nil
	})
	return to, err
}

// tell says in the header where the run is.
func (to *target) tell(header http.Header) {
	header.Set("Sse-Channel", to.channel)
	if to.resume != "" {
		header.Set("Location", to.resume)
	}
}

var errConflict = errors.New("a run of this channel is on already")

// The times between two looks whether a run that was asked for has begun.
const (
	firstLook   = 50 * time.Millisecond
	longestLook = time.Second
)

// acquire makes a run of the channel, or returns where the one begins that is on. One that
// was asked for may never become a run: it is waited for until it is, or is over.
func (h *Relay) acquire(ctx context.Context, channel string) (run *relay.Run, start protocol.EntryID, err error) {
	var newest protocol.EntryID // as another's run was waited for
	isFirst := true
	for wait := firstLook; ; wait = min(2*wait, longestLook) {
		run, found, err := h.App.Gateway().Relay.Acquire(ctx, channel, h.run)
		switch {
		case err != nil:
			return nil, start, err
		case run != nil && (isFirst || found.Newest == newest):
			return run, start, nil
		case run != nil: // it has been, and is over
			run.Release()
			was, err := h.App.Gateway().Feed.Run(ctx, channel, mostEvents)
			return nil, was.Start, err
		case h.Conflict == refuse:
			return nil, start, errConflict
		case found.Start != start:
			return nil, found.Start, nil
		}
		if isFirst {
			isFirst, newest = false, found.Newest
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil, start, ctx.Err()
		}
	}
}

// notRelayed keeps the log from being flooded.
var notRelayed ratelog.Limiter

// off says that an answer is not kept.
func (h *Relay) off(header http.Header, channel string, err error) {
	gateway.CountRelay(gateway.RelayOff)
	if cause := answer.RedisError("relaying", channel, err); !errors.Is(err, errCompressed) && !errors.Is(err, relay.ErrClosing) {
		err = cause
	}
	header.Set("Sse-Relay", "off")
	header.Set("Sse-Error", answer.CodeOf(err)+": "+answer.SentenceOf(err))
	notRelayed.Do(func(suppressed int) {
		h.App.Gateway().Log().Warn("an answer is not relayed", zap.String("channel", channel), zap.Int("others_meanwhile", suppressed), zap.Error(answer.DetailOf(err)))
	})
}

// spec is what the subscription of whoever gets a run has.
func (h *Relay) spec(r *http.Request) *gateway.Spec {
	s := &gateway.Spec{Options: h.options, RemoteIP: request.RemoteIP(r), Protocol: opening.Protocol(r), Until: request.Until(r)}
	s.Request.Preamble = opening.Preamble(h.retry)
	s.Request.AwayFor = opening.AwayFor(r, h.App)
	s.Request.Pending = h.options.Pending
	s.Request.Retry = h.retry
	return s
}
