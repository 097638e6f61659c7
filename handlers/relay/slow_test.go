package relay_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// newFast is an app that says so many events at once, and a channel that gets a token when
// it has.
func newFast(t *testing.T, events int, data string) (addr string, said chan struct{}) {
	t.Helper()
	said = make(chan struct{}, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		out := bufio.NewWriterSize(w, 32<<10)
		for n := range events {
			if _, err := fmt.Fprintf(out, "data: %d %s\n\n", n, data); err != nil {
				return
			}
		}
		_ = out.Flush()
		said <- struct{}{}
	}))
	t.Cleanup(server.Close)
	return server.Listener.Addr().String(), said
}

func fastSites(addr, lines string) string {
	return (&app{Server: &httptest.Server{Listener: fakeListener{addr: addr}}}).sites(lines)
}

type fakeListener struct {
	net.Listener
	addr string
}

func (l fakeListener) Addr() net.Addr {
	addr, _ := net.ResolveTCPAddr("tcp", l.addr)
	return addr
}

// checkAll checks that all events have come, in order.
func checkAll(t *testing.T, text string, events int) {
	t.Helper()
	n := 0
	for line := range strings.Lines(text) {
		if data, ok := strings.CutPrefix(line, "data: "); ok {
			if !strings.HasPrefix(data, fmt.Sprint(n, " ")) {
				t.Fatalf("event %d is %.30q", n, data)
			}
			n++
		}
	}
	if n != events {
		t.Errorf("%d events came of %d", n, events)
	}
}

// A client that takes its time gets everything, though it is far behind, and the app does not wait for it.
func TestSlowClient(t *testing.T) {
	t.Parallel()
	const events = 30_000
	server := redistest.Start(t)
	addr, said := newFast(t, events, strings.Repeat("x", 100))
	g := gatewaytest.Start(t, strings.Replace(gatewaytest.RedisOption(server), "drain 0", "drain 0\n pending 64KiB\n write_timeout 2m", 1), fastSites(addr, "max_events 30000"))
	conn, err := net.Dial("tcp", g.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.(*net.TCPConn).SetReadBuffer(128 << 10); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "POST /ask/c1 HTTP/1.1\r\nHost: %s\r\nContent-Length: 0\r\n\r\n", g.Addr)
	body := bufio.NewReader(conn)
	response, err := http.ReadResponse(body, nil)
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-said: // though nobody reads
	case <-time.After(30 * time.Second):
		t.Fatal("the app waits for the client")
	}
	redistest.Await(t, "the run to be stored", func() bool { return g.Metric("relay_runs") == 0 })
	_ = conn.SetReadDeadline(time.Now().Add(30 * time.Second)) // the read tells
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Errorf("the answer ended with %v", err)
	}
	checkAll(t, string(text), events)
}

// All of a fast answer comes, to the client that asked and to one that joins, over HTTP/1.1
// and HTTP/2.
func TestFast(t *testing.T) {
	t.Parallel()
	const events = 30_000
	server := redistest.Start(t)
	addr, _ := newFast(t, events, strings.Repeat("x", 100))
	h2c := redistest.FreeAddr(t)
	sites := strings.Replace(fastSites(addr, "max_events 30000"), "history all", "history all max 30000", 1)
	sites = strings.Replace(sites, "http://{$ADDR}", "http://{$ADDR}, http://"+h2c, 1)
	g := gatewaytest.Start(t, gatewaytest.RedisOption(server)+"\n\tservers "+h2c+" {\n\t\tprotocols h1 h2c\n\t}", sites)
	for name, way := range map[string]struct {
		client *http.Client
		url    string
	}{"h1": {gatewaytest.HTTP1(t), "http://" + g.Addr}, "h2c": {gatewaytest.H2C(t), "http://" + h2c}} {
		s := gatewaytest.Ask(t, way.client, "POST", way.url+"/ask/"+name, "")
		readers := []*gatewaytest.Stream{resume(t, g, name)}
		if err := s.AwaitEnd(); err != nil {
			t.Errorf("%s: the answer ended with %v", name, err)
		}
		checkAll(t, s.Text(), events)
		read := ""
		for { // one that is too slow is closed, as anywhere, and comes back
			reader := readers[len(readers)-1]
			err := reader.AwaitEnd()
			read += wholeEvents(reader.Text())
			if err == nil {
				break
			}
			readers = append(readers, resume(t, g, name, "Last-Event-ID: "+newestID(read)))
		}
		checkAll(t, read, events)
	}
}

// Past what is kept, the client that asked gets the rest all the same, and all others an
// error.
func TestTooLong(t *testing.T) {
	t.Parallel()
	const events = 20_000
	server := redistest.Start(t)
	addr, _ := newFast(t, events, strings.Repeat("x", 100))
	g := gatewaytest.Start(t, gatewaytest.RedisOption(server), fastSites(addr, "max_events 100"))
	s := ask(t, g, "/ask/c1")
	if err := s.AwaitEnd(); err != nil {
		t.Errorf("the answer ended with %v", err)
	}
	checkAll(t, s.Text(), events)
	reader := resume(t, g, "c1")
	if err := reader.AwaitEnd(); err == nil {
		t.Error("the reader's ended cleanly")
	}
	checkAll(t, reader.Text(), 100)
}

// wholeEvents is a text up to its last blank line.
func wholeEvents(text string) string { return text[:strings.LastIndex(text, "\n\n")+2] }

// newestID is the last ID in a text.
func newestID(text string) string {
	id := text[strings.LastIndex(text, "id: ")+len("id: "):]
	return id[:strings.Index(id, "\n")]
}
