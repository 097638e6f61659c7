package subscribe_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// A doorkeeper is the app that a gate asks.
type doorkeeper struct {
	*httptest.Server
	mu     sync.Mutex
	active map[net.Conn]bool
	asked  int
}

// newDoorkeeper lets in anyone who has a cookie that names a user.
func newDoorkeeper(t *testing.T) *doorkeeper {
	t.Helper()
	k := &doorkeeper{active: make(map[net.Conn]bool)}
	k.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		k.mu.Lock()
		k.asked++
		k.mu.Unlock()
		user, err := r.Cookie("user")
		switch {
		case err != nil:
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, "who are you?")
		case user.Value == "lost":
			http.Redirect(w, r, "/login", http.StatusFound)
		case user.Value == "busy":
			w.Header().Set("X-From-The-App", "no")
			http.Error(w, strings.Repeat("too much to do ", 1000), http.StatusServiceUnavailable)
		case user.Value == "broken":
			http.Error(w, "a bug", http.StatusInternalServerError)
		default:
			w.Header().Set("X-User", user.Value)
			w.Header().Set("Set-Cookie", "seen=1")
			fmt.Fprint(w, "come in") // a body, which keeps a proxy's connection until it is read
		}
	}))
	k.Config.ConnState = func(c net.Conn, state http.ConnState) {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.active[c] = state == http.StateActive
	}
	k.Start()
	t.Cleanup(k.Close)
	return k
}

// busy is how many connections a request is under way on.
func (k *doorkeeper) busy() (n int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, active := range k.active {
		if active {
			n++
		}
	}
	return n
}

func (k *doorkeeper) count() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.asked
}

func gated(scheme string, k *doorkeeper) string {
	site := scheme + `://{$ADDR} {
	log
	sse_subscribe /events user:{http.request.header.X-User} {
		gate {
			forward_auth ` + k.Listener.Addr().String() + ` {
				uri /may/{path}
				copy_headers X-User
			}
		}
		greeting hello {http.request.header.X-User}
		retry 10s
	}
	respond "the app"
}`
	if scheme == "https" {
		site = strings.Replace(site, "{\n", "{\n\ttls internal\n", 1)
	}
	return site
}

func TestGate(t *testing.T) {
	k := newDoorkeeper(t)
	g, server := gatewaytest.StartWithRedis(t, gated("http", k))
	url := "http://" + g.Addr + "/events"

	// The app's answer names the channel, whatever the client says.
	s := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), url, "Cookie: user=ann", "X-User: ben")
	s.Await("event: hello\ndata: ann\n\n")
	redistest.Await(t, "a subscription", func() bool { return server.Listeners("user:ann") == 1 })
	server.Do("PUBLISH", "user:ann", "for ann")
	s.Await("data: for ann\n\n")
	if n := server.Channels("user:*"); n != 1 {
		t.Errorf("%d channels are heard", n)
	}

	// What it refuses is refused as it says.
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		r, body := gatewaytest.Do(t, method, url, "", "Accept: text/event-stream")
		if r.StatusCode != http.StatusUnauthorized || method == http.MethodGet && body != "who are you?" {
			t.Errorf("%s: a stranger was answered %s %q", method, r.Status, body)
		}
	}
	client := *gatewaytest.HTTP1(t)
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if r := gatewaytest.Subscribe(t, &client, url, "Cookie: user=lost"); r.StatusCode != http.StatusFound || r.Header.Get("Location") != "/login" {
		t.Errorf("who has to log in was answered %s, %v", r.Status, r.Header)
	}
	if r, _ := gatewaytest.Do(t, "GET", url, "", "Accept: text/event-stream", "Cookie: user=broken"); r.StatusCode != http.StatusInternalServerError {
		t.Errorf("a bug was answered %s", r.Status)
	}
	asked := k.count()
	if _, body := gatewaytest.Do(t, "GET", url, "", "Accept: application/json"); body != "the app" || k.count() != asked {
		t.Errorf("a request that is not for the gateway was answered %q, with the gate asked %d times", body, k.count()-asked)
	}
	if r, _ := gatewaytest.Do(t, "HEAD", url, "", "Accept: text/event-stream", "Cookie: user=ann"); r.StatusCode != 200 {
		t.Errorf("HEAD was answered %s", r.Status)
	}
}

// An app that is away, or has too much to do, does not end an EventSource.
func TestGateThatIsAway(t *testing.T) {
	k := newDoorkeeper(t)
	g, _ := gatewaytest.StartWithRedis(t, gated("http", k))
	url := "http://" + g.Addr + "/events"
	isSentAway := func(who string) {
		t.Helper()
		r, body := gatewaytest.Do(t, "GET", url, "", "Accept: text/event-stream", "Cookie: user="+who)
		if r.StatusCode != 200 || r.Header.Get("Content-Type") != "text/event-stream" || !strings.HasPrefix(body, "retry: ") ||
			!strings.HasSuffix(body, "event: sse.busy\ndata: {\"reason\":\"gate\"}\n\n") || r.Header.Get("X-From-The-App") != "" {
			t.Errorf("%s was answered %s %v %q", who, r.Status, r.Header, body)
		}
	}
	isSentAway("busy")
	k.CloseClientConnections()
	k.Listener.Close()
	isSentAway("ann")
	if r, body := gatewaytest.Do(t, "HEAD", url, "", "Accept: text/event-stream"); r.StatusCode != 200 || body != "" {
		t.Errorf("HEAD was answered %s %q", r.Status, body)
	}
}

// Over HTTP/2 a subscriber stays in its handler, but not in its gate.
func TestGateIsOverWhenSubscribersAreOpen(t *testing.T) {
	const subscribers = 500
	k := newDoorkeeper(t)
	g, server := gatewaytest.StartWithRedis(t, gated("https", k))
	clients := []*http.Client{gatewaytest.HTTP2(t), gatewaytest.HTTP2(t), gatewaytest.HTTP2(t)} // Go's server takes 250 on one connection
	streams := make([]*gatewaytest.Stream, subscribers)
	for i := range streams {
		streams[i] = gatewaytest.Subscribe(t, clients[i%len(clients)], "https://"+g.Addr+"/events", "Cookie: user=ann")
	}
	for _, s := range streams {
		s.Await("event: hello")
	}
	if n := k.count(); n != subscribers {
		t.Errorf("the gate was asked %d times", n)
	}
	redistest.Await(t, "no request at the gate", func() bool { return k.busy() == 0 })
	if _, upstreams := gatewaytest.Do(t, "GET", g.Admin+"/reverse_proxy/upstreams", ""); !strings.Contains(upstreams, `"num_requests":0,`) {
		t.Errorf("Caddy counts requests under way: %s", upstreams)
	}
	server.Do("PUBLISH", "user:ann", "all of you")
	for _, s := range streams {
		s.Await("data: all of you\n\n")
	}
}

func TestGateOfOtherDirectives(t *testing.T) {
	g, server := gatewaytest.StartWithRedis(t, `http://{$ADDR} {
	sse_subscribe user:{http.auth.user.id} {
		gate {
			@here remote_ip 127.0.0.1
			basic_auth @here {
				Bob $2a$04$vy8Q55MRweg2aORaliRiquBDbjlUfko2jc1slXmXU2Xc0gPLVRmpi
			}
			header X-Gate passed
		}
	}
}`)
	if r, _ := gatewaytest.Do(t, "GET", "http://"+g.Addr, "", "Accept: text/event-stream"); r.StatusCode != 401 || r.Header.Get("WWW-Authenticate") == "" {
		t.Errorf("a stranger was answered %s %v", r.Status, r.Header)
	}
	s := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), "http://Bob:hiccup@"+g.Addr)
	if s.StatusCode != 200 || s.Header.Get("X-Gate") != "passed" {
		t.Fatal(s.Status, s.Header)
	}
	redistest.Await(t, "Bob's channel", func() bool { return server.Listeners("user:Bob") == 1 })
}
