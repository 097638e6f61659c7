package subscribe

import (
	"errors"
	"io"
	"net/http"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-sse/caddy-sse/internal/protocol"
)

// passGate has the gate's handlers decide who comes in. They run to their end
// before the subscriber is opened: a forward_auth around it would keep its call,
// its connection and the upstream's count of requests for as long as the
// subscriber lives.
//
// It returns the request as the gate let it through, with the headers that it
// has set; nil if the gate has answered. What fails in passing, such as an app
// that is being restarted, is answered in a way that the page survives.
func (s *Subscribe) passGate(w http.ResponseWriter, r *http.Request) (*http.Request, error) {
	if len(s.Gate) == 0 {
		return r, nil
	}
	var passed *http.Request
	asBefore := w.Header().Clone()
	answer := &gateAnswer{ResponseWriterWrapper: &caddyhttp.ResponseWriterWrapper{ResponseWriter: w}}
	err := caddyhttp.RouteList(s.Gate).Compile(caddyhttp.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) error {
		passed = r
		return nil
	})).ServeHTTP(answer, r)

	var failed caddyhttp.HandlerError
	switch {
	case answer.passes || errors.As(err, &failed) && passes(failed.StatusCode):
		header := w.Header()
		clear(header)
		for name, values := range asBefore {
			header[name] = values
		}
		return nil, s.sendAway(w, r, protocol.BusyGate, s.retry())
	case err != nil:
		return nil, err
	case passed == nil || answer.wrote:
		return nil, nil
	}
	return passed.WithContext(r.Context()), nil // the gate's own may have ended with it
}

// passes reports whether a status is of what will be over soon: too many
// requests, or an app that is away.
func passes(status int) bool {
	switch status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// A gateAnswer lets the gate's answer through, unless it is one that passes.
type gateAnswer struct {
	*caddyhttp.ResponseWriterWrapper
	wrote  bool
	passes bool
}

func (a *gateAnswer) WriteHeader(status int) {
	if a.wrote || a.passes {
		return
	}
	if a.passes = passes(status); a.passes {
		return
	}
	a.wrote = status >= 200
	a.ResponseWriterWrapper.WriteHeader(status)
}

func (a *gateAnswer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	if a.passes {
		return len(p), nil
	}
	return a.ResponseWriterWrapper.Write(p)
}

// ReadFrom is Write for io.Copy.
func (a *gateAnswer) ReadFrom(r io.Reader) (int64, error) {
	a.WriteHeader(http.StatusOK)
	if a.passes {
		return io.Copy(io.Discard, r)
	}
	return a.ResponseWriterWrapper.ReadFrom(r)
}

// FlushError is for http.ResponseController.
func (a *gateAnswer) FlushError() error {
	a.WriteHeader(http.StatusOK)
	if a.passes {
		return nil
	}
	return http.NewResponseController(a.ResponseWriter).Flush()
}

// takeGate keeps the block of gate for parseGate, which needs the site's other
// lines to read it.
func (s *Subscribe) takeGate(d *caddyfile.Dispenser) func() error {
	return func() error {
		if d.CountRemainingArgs() > 0 {
			return d.Err("gate takes no argument, only a block of directives")
		}
		s.gateSegment = d.NewFromNextSegment()
		return nil
	}
}

func (s *Subscribe) parseGate(h httpcaddyfile.Helper) error {
	if s.gateSegment == nil {
		return nil
	}
	handler, err := httpcaddyfile.ParseSegmentAsSubroute(h.WithDispenser(s.gateSegment))
	if err != nil {
		return err
	}
	s.Gate = Gate(handler.(*caddyhttp.Subroute).Routes)
	if len(s.Gate) == 0 {
		s.gateSegment.Reset()
		s.gateSegment.Next()
		return s.gateSegment.WrapErr(errEmptyGate)
	}
	return nil
}
