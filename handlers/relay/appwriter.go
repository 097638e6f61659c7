package relay

import (
	"errors"
	"io"
	"maps"
	"mime"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-sse/caddy-sse/internal/eventstream"
	"github.com/caddy-sse/caddy-sse/internal/gateway"
	"github.com/caddy-sse/caddy-sse/internal/protocol"
	"github.com/caddy-sse/caddy-sse/internal/relay"
)

var errCompressed = caddyhttp.Error(http.StatusBadGateway, errors.New("the answer is compressed, and is not read"))

// An appWriter is what the app answers to: it goes to the client, or, if it is an event
// stream, to a run. Until that is known the header is the writer's own, and no other
// goroutine touches the client's.
type appWriter struct {
	w          http.ResponseWriter
	run        *relay.Run
	ends       protocol.Ends
	take       func() error // begins the run
	compressed func()       // says that the event stream is none that is relayed
	took       chan *relay.Client

	header http.Header
	head   http.Header // what it was when the run was taken

	mu    sync.Mutex
	state state
}

// A state is where the app's answer goes.
type state int

const (
	undecided state = iota
	passing         // to the client
	taken           // to a run
	nowhere         // the client has left before it was known
)

func (a *appWriter) is() state {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.state
}

func (a *appWriter) isTaken() bool { return a.is() == taken }

// abandon takes that the client has left. It reports whether its writer is not in use.
func (a *appWriter) abandon() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.state == undecided {
		a.state = nowhere
	}
	return a.state == nowhere
}

// finish is what the client's handler returns for an answer that passed.
func (a *appWriter) finish(res result) error {
	if a.is() == undecided {
		a.copyHeader()
	}
	if res.panicked != nil {
		panic(res.panicked)
	}
	return res.err
}

func (a *appWriter) copyHeader() {
	header := a.w.Header()
	clear(header)
	maps.Copy(header, a.header)
}

// Header implements [http.ResponseWriter].
func (a *appWriter) Header() http.Header {
	if a.is() == passing {
		return a.w.Header() // where trailers are put
	}
	return a.header
}

// WriteHeader implements [http.ResponseWriter].
func (a *appWriter) WriteHeader(status int) {
	if status < 200 {
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.state == undecided {
			a.copyHeader()
			a.w.WriteHeader(status)
		}
		return
	}
	switch a.is() {
	case passing, taken:
		return
	}
	isTaken := a.takes(status)
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case isTaken:
		isGone := a.state == nowhere
		a.state = taken
		a.head = a.header.Clone()
		if client := a.run.Client(a.ends); isGone {
			client.Left()
		} else {
			a.took <- client
		}
	case a.state == undecided:
		a.state = passing
		a.copyHeader()
		if a.w.Header().Get("Sse-Relay") == "" {
			gateway.CountRelay(gateway.RelayPassed)
		}
		a.w.WriteHeader(status)
	}
}

// takes begins a run, if the answer is to be one.
func (a *appWriter) takes(status int) bool {
	mediaType, _, _ := mime.ParseMediaType(a.header.Get("Content-Type"))
	if status != http.StatusOK || mediaType != eventstream.ContentType {
		return false
	}
	if coding := strings.TrimSpace(a.header.Get("Content-Encoding")); coding != "" && !strings.EqualFold(coding, "identity") {
		a.compressed()
		return false
	}
	return a.take() == nil
}

// Write implements [http.ResponseWriter].
func (a *appWriter) Write(b []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	switch a.is() {
	case taken:
		return a.run.Write(b)
	case passing:
		return a.w.Write(b)
	}
	return 0, http.ErrAbortHandler // nobody gets it
}

// ReadFrom is Write for io.Copy.
func (a *appWriter) ReadFrom(r io.Reader) (int64, error) {
	a.WriteHeader(http.StatusOK)
	if a.is() == passing {
		return io.Copy(a.w, r)
	}
	return io.Copy(struct{ io.Writer }{a}, r)
}

// FlushError is for [http.ResponseController].
func (a *appWriter) FlushError() error {
	a.WriteHeader(http.StatusOK)
	if a.is() == passing {
		return http.NewResponseController(a.w).Flush()
	}
	return nil
}

// Flush implements [http.Flusher].
func (a *appWriter) Flush() { _ = a.FlushError() }

// SetWriteDeadline is for [http.ResponseController].
func (a *appWriter) SetWriteDeadline(t time.Time) error {
	if a.is() == passing {
		return http.NewResponseController(a.w).SetWriteDeadline(t)
	}
	return nil
}
