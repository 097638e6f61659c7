package http2

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
	"weak"

	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// A site is a server of Go's with sessions, as in Caddy.
type site struct {
	t        testing.TB
	inner    net.Listener
	conns    chan net.Conn
	listener net.Listener
	server   *http.Server
	config   *tls.Config
	name     string
	slow     chan struct{} // closed to end the response of /slow

	mu       *sync.Mutex
	taken    map[string]*Taken
	sessions map[*Session]bool
	tasks    chan func()
}

// hidden is a connection as Caddy hands it to the server: without ConnectionState.
type hidden struct{ net.Conn }

type hiding struct{ net.Listener }

func (l hiding) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return hidden{c}, nil
}

// shared is a listener that outlives who closes it.
type shared struct {
	net.Listener
	conns  chan net.Conn
	closed chan struct{}
}

func (s *shared) Accept() (net.Conn, error) {
	select {
	case c := <-s.conns:
		return c, nil
	case <-s.closed:
		return nil, net.ErrClosed
	}
}

func (s *shared) Close() error { close(s.closed); return nil }

func newSite(t testing.TB) *site {
	t.Helper()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, inner: inner, conns: make(chan net.Conn), slow: make(chan struct{}), mu: new(sync.Mutex), taken: map[string]*Taken{}, sessions: map[*Session]bool{}, tasks: make(chan func(), 10000), name: "0"}
	t.Cleanup(func() { inner.Close() })
	go func() { // one loop, as ours
		for {
			select {
			case f := <-s.tasks:
				f()
			case <-t.Context().Done():
				return
			}
		}
	}()
	s.serve()
	go func() {
		for {
			c, err := inner.Accept()
			if err != nil {
				return
			}
			s.conns <- c
		}
	}()
	return s
}

func (s *site) serve() {
	sh := &shared{Listener: s.inner, conns: s.conns, closed: make(chan struct{})}
	s.config = serverConfig().Clone()
	s.listener = Wrap(tls.NewListener(sh, s.config))
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	s.server = &http.Server{
		Protocols: protocols,
		Handler:   s.handler(s.name),
		ErrorLog:  log.New(io.Discard, "", 0),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, c)
		},
	}
	server, wrapped := s.server, s.listener
	go func() { _ = server.Serve(hiding{wrapped}) }()
	redistest.Await(s.t, "the server to accept", wrapped.(*listener).begun.Load)
	weakly := weak.Make(server)
	s.t.Cleanup(func() {
		if server := weakly.Value(); server != nil {
			server.Close()
		}
	})
}

type connKey struct{}

// reload has another server, and shuts this one down, for which it waits.
func (s *site) reload() <-chan struct{} {
	old := s.server
	s.name += "+"
	s.serve()
	done := make(chan struct{})
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = old.Shutdown(ctx)
		close(done)
	}()
	return done
}

func (s *site) handler(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, "/events/"):
			session := Of(r.Context().Value(connKey{}).(net.Conn))
			c := session.Claim()
			if c == nil {
				http.Error(w, "no claim", http.StatusInternalServerError)
				return
			}
			_, _ = w.Write(c.Marker())
			_ = http.NewResponseController(w).Flush()
			taken := c.Wait(r.Context(), 10*time.Second)
			if taken == nil {
				return
			}
			s.mu.Lock()
			s.taken[r.URL.Path] = taken
			s.sessions[session] = true
			s.mu.Unlock()
		case r.URL.Path == "/download":
			var n int64
			_, _ = fmt.Sscan(r.URL.RawQuery, &n)
			_, _ = io.CopyN(w, mathrand.NewChaCha8([32]byte{}), n)
		case r.URL.Path == "/upload":
			h := sha256.New()
			_, _ = io.Copy(h, r.Body)
			fmt.Fprintf(w, "%x", h.Sum(nil))
		case r.URL.Path == "/slow":
			_ = http.NewResponseController(w).Flush()
			select {
			case <-s.slow:
			case <-r.Context().Done():
			}
			fmt.Fprint(w, name)
		default:
			fmt.Fprint(w, name, r.Header.Get("X-A"), r.Header.Get("Cookie"))
		}
	})
}

// of awaits the taken stream of a path.
func (s *site) of(path string) *Taken {
	var t *Taken
	redistest.Await(s.t, "the stream", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		t = s.taken[path]
		return t != nil
	})
	return t
}

// publish writes all of text to a taken stream.
func (s *site) publish(t *Taken, text string, isLast bool) {
	rest := []byte(text)
	write := func() {
		for {
			n, err := t.Write([][]byte{rest}, isLast)
			if rest = rest[n:]; err != nil || len(rest) == 0 {
				return
			}
		}
	}
	s.tasks <- func() {
		t.Start(func() { s.tasks <- write }, func(f func()) { s.tasks <- f })
		write()
	}
}

func (s *site) url(path string) string { return "https://" + s.inner.Addr().String() + path }

func (s *site) client() *http.Client {
	tr := &http.Transport{TLSClientConfig: clientConfig(), ForceAttemptHTTP2: true}
	s.t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 20 * time.Second}
}

func (s *site) get(c *http.Client, path string, header ...string) string {
	s.t.Helper()
	r, _ := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.url(path), nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	resp, err := c.Do(r)
	if err != nil {
		s.t.Error(err)
		return ""
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Error(err)
	}
	return string(b)
}

// subscribe opens a stream, which is taken.
func (s *site) subscribe(c *http.Client, path string) *http.Response {
	s.t.Helper()
	resp, err := c.Get(s.url(path)) //nolint:bodyclose // it is closed by the test's end
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { resp.Body.Close() })
	return resp
}

func (s *site) awaitParked() {
	s.t.Helper()
	redistest.Await(s.t, "all to be parked", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		for session := range s.sessions {
			session.mu.Lock()
			is := session.served == nil || session.failed != nil
			session.unlock()
			if !is {
				return false
			}
		}
		return len(s.sessions) > 0
	})
}

func read(t testing.TB, from io.Reader, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(from, got); err != nil || string(got) != want {
		t.Fatalf("got %.100q, %v; not %.100q", got[:n], err, want)
	}
}

// The server leaves a connection on which only taken streams are open, and comes back for
// each request.
func TestPark(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	c := s.client()
	one := s.subscribe(c, "/events/1")
	first := s.of("/events/1")
	upload := bytes.Repeat([]byte("0123456789abcdef"), 64<<10) // more than a window
	sum := fmt.Sprintf("%x", sha256.Sum256(upload))
	for i := range 5 {
		s.awaitParked()
		text := fmt.Sprint("parked ", i)
		s.publish(first, text, false)
		read(t, one.Body, text)
		cookie := fmt.Sprintf("name-%d=value-%d", i/2, i/2)
		if got := s.get(c, "/", "X-A", strings.Repeat("a", i*100), "Cookie", cookie); got != s.name+strings.Repeat("a", i*100)+cookie {
			t.Fatalf("got %q", got)
		}
		if i == 3 {
			s.awaitParked()
		}
		resp, err := c.Post(s.url("/upload"), "", bytes.NewReader(upload))
		if err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(resp.Body); err != nil || string(b) != sum {
			t.Fatalf("uploaded: %q, %v", b, err)
		}
		resp.Body.Close()
		if got := s.get(c, "/download?2000000"); len(got) != 2_000_000 {
			t.Fatalf("downloaded %d bytes", len(got))
		}
	}
	s.mu.Lock()
	if n := len(s.sessions); n != 1 {
		t.Errorf("there are %d connections", n)
	}
	s.mu.Unlock()
	large := strings.Repeat("x", 5<<20)
	s.awaitParked()
	s.publish(first, large, false)
	read(t, one.Body, large)
	s.publish(first, "end", true)
	if b, err := io.ReadAll(one.Body); err != nil || string(b) != "end" {
		t.Errorf("%q, %v", b, err)
	}
}

// Many streams and many requests at once, for some time.
func TestParkTogether(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	c := s.client()
	var group sync.WaitGroup
	const streams = 90
	for i := range streams {
		group.Go(func() {
			path := fmt.Sprint("/events/", i)
			resp := s.subscribe(c, path)
			taken := s.of(path)
			for n := range 20 {
				text := fmt.Sprintf("%d/%d ", i, n)
				s.publish(taken, text, false)
				read(t, resp.Body, text)
				time.Sleep(time.Duration(mathrand.IntN(60)) * time.Millisecond) //nolint:gosec // any
			}
		})
	}
	for i := range 4 {
		group.Go(func() {
			for n := range 8 {
				if got := s.get(c, fmt.Sprintf("/download?%d", 10000*i*n)); len(got) != 10000*i*n {
					t.Errorf("downloaded %d bytes", len(got))
				}
				time.Sleep(time.Duration(mathrand.IntN(400)) * time.Millisecond) //nolint:gosec // any
			}
		})
	}
	group.Wait()
}

// A reload cuts no stream, and the next request gets the new configuration at once.
func TestParkReload(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	c := s.client()
	one := s.subscribe(c, "/events/1")
	first := s.of("/events/1")
	for i := range 6 {
		s.awaitParked()
		done := s.reload()
		if i%3 == 0 {
			<-done
		}
		if i > 2 {
			text := fmt.Sprint("after ", i)
			s.publish(first, text, false)
			read(t, one.Body, text)
		}
		if got := s.get(c, "/"); got != s.name {
			t.Errorf("after a reload %q answers", got)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.sessions); n != 1 {
		t.Errorf("there are %d connections", n)
	}
}

// A parked connection keeps nothing of the configuration under which it came.
func TestParkedKeepsNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	c := s.client()
	one := s.subscribe(c, "/events/1")
	first := s.of("/events/1")
	var old []func() bool
	for range 3 {
		s.get(c, "/")
		server, listener, config := weak.Make(s.server), weak.Make(s.listener.(*listener)), weak.Make(s.config)
		old = append(old,
			func() bool { return server.Value() == nil },
			func() bool { return listener.Value() == nil },
			func() bool { return config.Value() == nil })
		<-s.reload()
		s.awaitParked()
	}
	for i, isGone := range old {
		redistest.Await(t, fmt.Sprintf("%d to be let go", i), func() bool {
			runtime.GC()
			return isGone()
		})
	}
	s.publish(first, "on", false)
	read(t, one.Body, "on")
}

// While other streams are open the client is told that the server leaves, and has its next
// requests served over another connection, without waiting.
func TestParkReloadWithOthers(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	c := s.client()
	one := s.subscribe(c, "/events/1")
	first := s.of("/events/1")
	r, err := c.Get(s.url("/slow"))
	if err != nil {
		t.Fatal(err)
	}
	old := s.name
	s.reload()
	redistest.Await(t, "the new configuration", func() bool { return s.get(c, "/") == s.name })
	close(s.slow) // which nothing above has waited for
	if b, err := io.ReadAll(r.Body); err != nil || string(b) != old {
		t.Errorf("the slow one: %q, %v", b, err)
	}
	r.Body.Close()
	s.awaitParked()
	s.publish(first, "on", false)
	read(t, one.Body, "on")
	s.publish(first, "end", true)
	read(t, one.Body, "end")
	if _, err := one.Body.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
}

// parkedPair is a session that is parked, with one taken stream, number 1.
func parkedPair(t testing.TB) (served, *tls.Conn, *Taken) {
	t.Helper()
	s, client, taken := claimed(t)
	taken.Start(func() {}, func(f func()) { go f() })
	send(t, s, frame(typeSettings, 0, 0), frame(typeData, flagEndStream, 1))
	receive(t, client, frame(typeSettings, 0, 0))
	if n, err := s.Read(make([]byte, 100)); n > 0 || err != io.EOF {
		t.Fatal(n, err)
	}
	return s, client, taken
}

// What a client says is answered also while its socket is full of events.
func TestParkedAndFull(t *testing.T) {
	t.Parallel()
	s, client, taken := parkedPair(t)
	send(t, client, frame(typeWindowUpdate, 0, 0, number(1<<30)...), frame(typeWindowUpdate, 0, 1, number(1<<30)...))
	_ = s.layer.SetWriteBuffer(1)
	sent := 0
	redistest.Await(t, "the socket to be full", func() bool {
		n, err := taken.Write([][]byte{make([]byte, 10_000)}, false)
		sent += n
		return err == ErrBlocked && s.layer.isFull()
	})
	send(t, client, frame(typeWindowUpdate, 0, 0, number(1000)...), frame(typePing, 0, 0, []byte("12345678")...))
	for range sent / 10_000 {
		receive(t, client, frame(typeData, 0, 1, make([]byte, 10_000)...))
	}
	receive(t, client, frame(typePing, flagAck, 0, []byte("12345678")...))
	if taken.IsOver() {
		t.Error("the stream is over")
	}
}

// A parked client that only has us answer is told to calm down.
func TestParkedFlood(t *testing.T) {
	t.Parallel()
	for name, f := range map[string][]byte{
		"PING":             frame(typePing, 0, 0, []byte("12345678")...),
		"SETTINGS":         frame(typeSettings, 0, 0),
		"an unknown frame": frame(0x70, 0, 0),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, client, _ := parkedPair(t)
			go func() { _, _ = client.Write(bytes.Repeat(f, largestBudget+2*budgetASecond)) }() // it may be reset on the way
			all, _ := io.ReadAll(client)                                                        // it may be reset
			if calm := appendGoAway(nil, 1, codeCalm); !bytes.Contains(all, calm) {
				t.Errorf("after %d bytes of answers the connection ends without GOAWAY", len(all))
			}
		})
	}
}

// A window that is opened too wide while the connection is parked ends it, and one that is
// opened by nothing the stream.
func TestParkedWindows(t *testing.T) {
	t.Parallel()
	s, client, taken := parkedPair(t)
	ping := frame(typePing, flagAck, 0, []byte("12345678")...)
	send(t, client, frame(typeWindowUpdate, 0, 1, number(1000)...), frame(typeWindowUpdate, 0, 0, number(2000)...), frame(typePing, 0, 0, []byte("12345678")...))
	receive(t, client, ping)
	s.mu.Lock()
	if s.ledger.window != defaultWindow+2000 || taken.stream.window != defaultWindow+1000 {
		t.Errorf("the windows are %d and %d", s.ledger.window, taken.stream.window)
	}
	s.unlock()
	send(t, client, frame(typeWindowUpdate, 0, 1, number(0)...))
	receive(t, client, frame(typeRSTStream, 0, 1, number(codeProtocol)...))
	if !taken.IsOver() {
		t.Error("the stream goes on")
	}
}

// A server that is about to end the connection keeps it: what it says would be lost.
func TestFaultyIsNotParked(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string][]byte{
		"RST_STREAM of an idle stream":    frame(typeRSTStream, 0, 9, number(8)...),
		"RST_STREAM of an even stream":    frame(typeRSTStream, 0, 2, number(8)...),
		"WINDOW_UPDATE of an idle stream": frame(typeWindowUpdate, 0, 9, number(1)...),
		"DATA of an idle stream":          frame(typeData, 0, 9, 1),
		"DATA of the connection":          frame(typeData, 0, 0, 1),
		"RST_STREAM, too short":           frame(typeRSTStream, 0, 1, 1),
	} {
		s, client, taken := claimed(t)
		taken.Start(func() {}, func(f func()) { go f() })
		send(t, s, frame(typeSettings, 0, 0), frame(typeData, flagEndStream, 1))
		receive(t, client, frame(typeSettings, 0, 0))
		send(t, client, fault)
		receive(t, s, fault)
		s.askToPark()
		next := frame(typePing, flagAck, 0, make([]byte, 8)...)
		send(t, client, next)
		got := make([]byte, len(next))
		if n, err := io.ReadFull(s, got); err != nil || !bytes.Equal(got, next) {
			t.Errorf("%s: the server reads %x, %v", name, got[:n], err)
		}
	}
}
