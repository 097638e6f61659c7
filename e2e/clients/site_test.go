package clients

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// A site is a gateway with subscriptions and what else a site has.
type site struct {
	t       *testing.T
	redis   *redistest.Server
	gateway *gatewaytest.Gateway
	url     string
	global  string
	sites   string // with a verb for the version
	version int
	next    int // number of the next event
}

// start runs a gateway with sse_http2, with TLS or in the clear.
func start(t *testing.T, isClear bool) *site {
	t.Helper()
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body) // how much is told
		fmt.Fprint(w, n)
	}))
	t.Cleanup(app.Close)
	s := &site{t: t, redis: redistest.Start(t)}
	scheme, tls, protocols := "https", "\ttls internal\n", ""
	if isClear {
		scheme, tls, protocols = "http", "", "\t\tprotocols h1 h2c\n"
	}
	s.global = "\tsse {\n\t\tredis " + s.redis.Addr + "\n\t\tdrain 0\n\t}\n\tservers {\n\t\tlistener_wrappers {\n\t\t\tsse_http2\n\t\t}\n" + protocols + "\t}"
	s.sites = scheme + "://{$ADDR} {\n" + tls + `	sse_subscribe /events/* events {
		heartbeat 1s
	}
	respond /rest "version %d over {http.request.proto} from port {http.request.remote.port}"
	reverse_proxy /upload ` + app.Listener.Addr().String() + "\n}"
	s.gateway = gatewaytest.Start(t, s.global, fmt.Sprintf(s.sites, s.version))
	s.url = scheme + "://" + s.gateway.Addr
	return s
}

// subscriptions is how many a client has.
const subscriptions = 5

// Manners are what is odd about a client.
type manners struct {
	// keeps says that it tells the server nothing when it leaves a subscription, which
	// goes on until the connection ends.
	keeps bool
	// upload is how many bytes it can send at once; 0: any. httpx does not notice that it
	// may send more, nor some answers, until something comes for a subscription: hence the
	// heartbeat.
	upload int
}

// try has a client do all that pages do.
func (s *site) try(p *program, m manners) {
	upload := func(size int) {
		if m.upload > 0 {
			size = m.upload
		}
		p.want(fmt.Sprint("upload ", size), fmt.Sprint(size))
	}
	p.want(fmt.Sprint("open ", subscriptions), "open")
	s.awaitSubscribers(subscriptions)
	s.awaitParked()
	s.publish(p)

	port := s.rest(p, "")
	upload(1 << 20)
	s.publish(p)
	s.awaitParked()
	s.publish(p)
	s.rest(p, port) // it wakes

	s.reload()
	s.rest(p, port)
	s.publish(p)
	s.awaitSubscribers(subscriptions)
	s.awaitParked()
	s.reload()
	s.publish(p)
	s.rest(p, port)
	upload(3 << 20)

	p.want("leave 2", "left")
	s.publish(p) // a proxy notices by an event that its client has left
	if !m.keeps {
		s.awaitSubscribers(subscriptions - 1)
	}
	s.awaitParked()
	s.publish(p)
	p.want("back 2", "back") // with its last event ID
	s.publish(p)
	p.want("end 0", "end")
	s.redis.Do("PUBLISH", "events", "for nobody") // by which a proxy notices
	s.awaitSubscribers(0)
}

// publish publishes some events, small and large, and waits until the client has them on
// all subscriptions that it has not left.
func (s *site) publish(p *program) {
	s.t.Helper()
	const events, large = 10, 40_000
	for i := range events {
		length := s.next * 13 % 500
		if i == 5 {
			length = large
		}
		s.redis.Do("PUBLISH", "events", fmt.Sprint(s.next, " ", length, " ", strings.Repeat("x", length)))
		s.next++
	}
	p.want(fmt.Sprint("have ", s.next-1), "have")
}

// rest has the client ask for something else, and returns the port from which it does.
// Given one, it has to be that.
func (s *site) rest(p *program, from string) (port string) {
	s.t.Helper()
	got := p.do("rest 0")
	before, port, _ := strings.Cut(got, " from port ")
	if before != fmt.Sprintf("version %d over HTTP/2.0", s.version) || from != "" && from != port {
		s.t.Fatalf("%s gets %q in version %d, from port %s before", p.name, got, s.version, from)
	}
	return port
}

func (s *site) reload() {
	s.t.Helper()
	s.version++
	s.gateway.Reload(s.global, fmt.Sprintf(s.sites, s.version))
}

func (s *site) awaitSubscribers(n int) {
	s.t.Helper()
	s.gateway.AwaitMetric(`subscribers{protocol="http/2",via="http2"}`, float64(n))
}

// awaitParked waits until no server has an HTTP/2 connection.
func (s *site) awaitParked() {
	s.t.Helper()
	redistest.Await(s.t, "connections to be parked", func() bool {
		_, routines := gatewaytest.Do(s.t, http.MethodGet, s.gateway.Admin+"/debug/pprof/goroutine?debug=1", "")
		return !strings.Contains(routines, "erverConn).serve+")
	})
}
