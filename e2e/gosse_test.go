package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tmaxmax/go-sse"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// formats is a gateway that reads payloads either way.
const formats = `
{
	sse {
		redis redis://REDIS
		recent 0 # no IDs but the app's
	}
}
:{$PORT} {
	bind 127.0.0.1
	sse_subscribe /text events
	sse_subscribe /json events {
		format json
	}
}
`

// An sseClient is a connection of the go-sse library, which knows nothing of
// this project.
type sseClient struct {
	t      testing.TB
	events chan sse.Event
	// retries are the times after which it comes back.
	retries chan time.Duration
	opened  chan bool
}

func connect(t testing.TB, url string) *sseClient {
	t.Helper()
	c := &sseClient{t, make(chan sse.Event, 16), make(chan time.Duration, 16), make(chan bool, 16)}
	client := sse.Client{
		Backoff: sse.Backoff{Multiplier: 1, Jitter: 0.001},
		OnRetry: func(_ error, after time.Duration) { c.retries <- after },
		ResponseValidator: func(r *http.Response) error {
			c.opened <- true
			return sse.DefaultValidator(r)
		},
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	connection := client.NewConnection(request)
	connection.SubscribeToAll(func(e sse.Event) {
		// A gap comes first where the gateway has not found Redis yet, and the
		// library makes an empty event of a lone retry or ID, unlike a browser.
		if e.Type != "sse.gap" && (e.Type != "" || e.Data != "") {
			c.events <- e
		}
	})
	go func() { _ = connection.Connect() }() // ends with the test
	await(t, "the connection", c.opened)
	return c
}

// expect takes the next event.
func (c *sseClient) expect(want sse.Event) {
	c.t.Helper()
	if got := await(c.t, "an event", c.events); got != want {
		c.t.Errorf("the event is %+v, not %+v", got, want)
	}
}

func await[T any](t testing.TB, what string, from <-chan T) (value T) {
	t.Helper()
	select {
	case value = <-from:
	case <-time.After(15 * time.Second):
		t.Fatal("waited in vain for " + what)
	}
	return value
}

// awaitListener waits until the gateway hears the channel events.
func awaitListener(t testing.TB, redis *redistest.Server) {
	t.Helper()
	redistest.Await(t, "a gateway that hears the channel", func() bool { return redis.Listeners("events") == 1 })
}

// TestLibrary reads both formats with go-sse, and has it reconnect when and
// where it was told.
func TestLibrary(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	g := gatewaytest.StartFile(t, "", writeCaddyfile(t, strings.ReplaceAll(formats, "REDIS", redis.Addr)))
	text, json := connect(t, "http://"+g.Addr+"/text"), connect(t, "http://"+g.Addr+"/json")

	awaitListener(t, redis)
	for _, c := range []struct {
		payload string
		json    sse.Event // in format json; in format text it is the payload
	}{
		{`plain`, sse.Event{Data: "plain"}},
		{`{"event":"like","data":{"by": "Ann", "n": 3}}`, sse.Event{Type: "like", Data: `{"by":"Ann","n":3}`}},
		{`{"data":"two\nlines","id":"17"}`, sse.Event{Data: "two\nlines", LastEventID: "17"}},
		{`{"data":null,"retry":120}`, sse.Event{Data: "null", LastEventID: "17"}},
		{`{"data":"", "event":"done", "id":18}`, sse.Event{Type: "done", LastEventID: "18"}},
		{`{"event":"no data"}`, sse.Event{Data: `{"event":"no data"}`, LastEventID: "18"}},
	} {
		redis.Do("PUBLISH", "events", c.payload)
		text.expect(sse.Event{Data: c.payload})
		json.expect(c.json)
	}

	g.Kill() // a gateway that ends in order tells a time of its own
	if after := await(t, "the connection's end", json.retries); after.Round(10*time.Millisecond) != 120*time.Millisecond {
		t.Errorf("it comes back after %s, not the 120ms that it was told", after)
	}
	g.Run()
	await(t, "the connection to come back", json.opened)
	awaitListener(t, redis)
	redis.Do("PUBLISH", "events", `{"data":"again"}`)
	json.expect(sse.Event{Data: "again", LastEventID: "18"})
}
