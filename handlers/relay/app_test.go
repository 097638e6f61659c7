package relay_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
)

// An app is one whose answers the test makes as it goes.
type app struct {
	*httptest.Server
	t     testing.TB
	calls chan *call
}

// A call is one request to the app, which goes on until [call.end].
type call struct {
	t    testing.TB
	r    *http.Request
	body string
	do   chan func(http.ResponseWriter)
}

func newApp(t *testing.T) *app {
	t.Helper()
	a := &app{t: t, calls: make(chan *call, 100)}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		c := &call{t: t, r: r, body: string(body), do: make(chan func(http.ResponseWriter))}
		a.calls <- c
		for f := range c.do {
			f(w)
		}
	}))
	t.Cleanup(func() {
		a.CloseClientConnections()
		close(a.calls)
		for c := range a.calls {
			close(c.do)
		}
	})
	return a
}

// call is the next request that comes.
func (a *app) call() *call {
	a.t.Helper()
	select {
	case c := <-a.calls:
		return c
	case <-time.After(20 * time.Second):
		a.t.Fatal("the app was not asked")
		return nil
	}
}

// then has the app do something, and waits for it.
func (c *call) then(f func(http.ResponseWriter)) {
	c.t.Helper()
	done := make(chan struct{})
	select {
	case c.do <- func(w http.ResponseWriter) {
		defer close(done)
		f(w)
	}:
		<-done
	case <-time.After(20 * time.Second):
		c.t.Fatal("the app has no more to do with the request")
	}
}

// begin has it answer with an event stream.
func (c *call) begin() *call {
	c.then(func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("X-App", "yes")
		_ = http.NewResponseController(w).Flush()
	})
	return c
}

// say has it write, and flush.
func (c *call) say(text string) {
	c.then(func(w http.ResponseWriter) {
		_, _ = io.WriteString(w, text)
		_ = http.NewResponseController(w).Flush()
	})
}

// event has it say an event with that data.
func (c *call) event(data any) { c.say(fmt.Sprintf("data: %v\n\n", data)) }

// end ends the answer.
func (c *call) end() { close(c.do) }

// awaitGone waits until the gateway has ended the request.
func (c *call) awaitGone() {
	c.t.Helper()
	select {
	case <-c.r.Context().Done():
	case <-time.After(30 * time.Second):
		c.t.Fatal("the request goes on")
	}
}

// breakOff ends the connection in the middle of the answer.
func (c *call) breakOff() {
	c.t.Helper()
	c.do <- func(http.ResponseWriter) { panic(http.ErrAbortHandler) }
	close(c.do)
}

// sites are a relay, with these lines, in front of the app, and where to resume.
func (a *app) sites(lines string) string {
	return `http://{$ADDR} {
	sse_subscribe /runs/* {path.1} {
		history all
		ends
	}
	sse_relay /ask/* {path.1} {
` + lines + `
	}
	reverse_proxy ` + a.Listener.Addr().String() + `
}`
}

// ask asks the gateway for a run.
func ask(t *testing.T, g *gatewaytest.Gateway, path string, header ...string) *gatewaytest.Stream {
	t.Helper()
	return gatewaytest.Ask(t, gatewaytest.HTTP1(t), "POST", "http://"+g.Addr+path, `{"id":"c7"}`, header...)
}

// await is the answer to a request that was sent.
func await(t *testing.T, asked <-chan *gatewaytest.Stream) *gatewaytest.Stream {
	t.Helper()
	select {
	case s := <-asked:
		return s
	case <-time.After(30 * time.Second):
		t.Fatal("there is no answer")
		return nil
	}
}

// resume subscribes to a run.
func resume(t *testing.T, g *gatewaytest.Gateway, channel string, header ...string) *gatewaytest.Stream {
	t.Helper()
	return gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), "http://"+g.Addr+"/runs/"+channel, header...)
}

// events are the events of a subscription, without the reconnection time and without IDs.
func events(s *gatewaytest.Stream) string {
	_, text, _ := strings.Cut(s.Data(), "\n")
	return text
}
