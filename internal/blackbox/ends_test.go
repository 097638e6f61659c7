package blackbox_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// An entrance is a transport, and where it is to be had.
type entrance struct {
	client *http.Client
	url    string
}

// startEverywhere runs a gateway that has the same routes over every transport: over TLS
// with sse_http2 and without, and in the clear alike.
func startEverywhere(t *testing.T, server *redistest.Server, routes string) (*gatewaytest.Gateway, map[string]entrance) {
	t.Helper()
	tlsPlain, clear, clearWrapped := redistest.FreeAddr(t), redistest.FreeAddr(t), redistest.FreeAddr(t)
	global, sites := gatewaytest.RedisOption(server), ""
	for addr, options := range map[string]string{
		"{$ADDR}": "listener_wrappers {\n sse_http2 \n}", tlsPlain: "protocols h1 h2 h3",
		clear: "protocols h1 h2c", clearWrapped: "protocols h1 h2c\n listener_wrappers {\n sse_http2 \n}",
	} {
		global += fmt.Sprintf("\n\tservers %s {\n%s\n}", addr, options)
	}
	for _, addr := range []string{"https://{$ADDR}", "https://" + tlsPlain, "http://" + clear, "http://" + clearWrapped} {
		tls := ""
		if strings.HasPrefix(addr, "https") {
			tls = "tls internal"
		}
		sites += fmt.Sprintf("%s {\n%s\n%s\n}\n", addr, tls, routes)
	}
	g := gatewaytest.Start(t, global, sites)
	return g, map[string]entrance{
		"HTTP/1.1":          {gatewaytest.HTTP1(t), "http://" + clear},
		"HTTP/1.1 over TLS": {gatewaytest.HTTP1(t), "https://" + g.Addr},
		"HTTP/2 wrapped":    {gatewaytest.HTTP2(t), "https://" + g.Addr},
		"HTTP/2":            {gatewaytest.HTTP2(t), "https://" + tlsPlain},
		"h2c wrapped":       {gatewaytest.H2C(t), "http://" + clearWrapped},
		"h2c":               {gatewaytest.H2C(t), "http://" + clear},
		"HTTP/3":            {http3Client(t), "https://" + tlsPlain},
	}
}

const endsRoutes = `sse_subscribe /silent/* {path.1} {
	history all
	ends
}
sse_subscribe /shown/* {path.1} {
	history all
	ends
	end_event sse.end
}
sse_subscribe /said/* {path.1} {
	history all
	ends
	say lost {"type":"error"}
}`

// Over every transport a run that is done ends its subscriptions cleanly, and one that is
// not, or that goes on, breaks them off.
func TestRunsEnd(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	g, ways := startEverywhere(t, server, endsRoutes)
	for _, test := range []struct {
		path, reason string
		isWhole      bool
		last         string // after the ID
	}{
		{"/silent/", "done", true, ""},
		{"/silent/", "lost", false, ""},
		{"/shown/", "stopped", true, "event: sse.end\ndata: {\"reason\":\"stopped\"}\n"},
		{"/said/", "lost", true, "data: {\"type\":\"error\"}\n"},
		{"/said/", "error", false, ""},
	} {
		channel := "run" + strings.ReplaceAll(test.path, "/", ":") + test.reason
		server.Do("XADD", channel, "1-0", "event", "sse.end")
		server.Do("XADD", channel, "5-0", "event", "sse.start", "run", "a")
		server.Add(channel, "5-1", "one")
		streams := map[string]*gatewaytest.Stream{}
		for name, way := range ways {
			streams[name] = gatewaytest.Subscribe(t, way.client, way.url+test.path+channel)
		}
		for _, s := range streams {
			s.Await("data: one\n\n")
		}
		server.Do("XADD", channel, "5-2", "event", "sse.end", "reason", test.reason)
		for name, way := range ways {
			want := "id: 5-1\ndata: one\n\nid: 5-2\n" + test.last + "\n"
			// Those who were there, and those who come later, get the same.
			for _, s := range []*gatewaytest.Stream{streams[name], gatewaytest.Subscribe(t, way.client, way.url+test.path+channel)} {
				if err := s.AwaitEnd(); (err == nil) != test.isWhole {
					t.Errorf("%s, %s over %s: it ended with %v", test.path, test.reason, name, err)
				}
				if text := s.Text(); !strings.HasPrefix(text[strings.Index(text, "\n")+1:], want) {
					t.Errorf("%s, %s over %s: got %q, not %q", test.path, test.reason, name, text, want)
				}
			}
			s := gatewaytest.Subscribe(t, way.client, way.url+test.path+channel, "Last-Event-ID: 5-2")
			if s.StatusCode != http.StatusNoContent || s.AwaitEnd() != nil || s.Text() != "" {
				t.Errorf("%s over %s: who has the end got %s, %q", test.path, name, s.Status, s.Text())
			}
		}
	}
	server.Add("open", "7-0", "one")
	streams := map[string]*gatewaytest.Stream{}
	for name, way := range ways {
		streams[name] = gatewaytest.Subscribe(t, way.client, way.url+"/silent/open")
		streams[name].Await("data: one\n\n")
	}
	g.Signal(syscall.SIGTERM)
	for name, s := range streams {
		if err := s.AwaitEnd(); err == nil {
			t.Errorf("%s: a run that went on ended cleanly when Caddy did: %q", name, s.Text())
		}
	}
}

// Over HTTP/1.0 the end of the body is that of the connection, so that half an answer
// resets it.
func TestRunsEndOverHTTP10(t *testing.T) {
	g, server := gatewaytest.StartWithRedis(t, "http://{$ADDR} {\n"+endsRoutes+"\n}")
	for reason, isWhole := range map[string]bool{"done": true, "lost": false} {
		server.Add(reason, "5-1", "one")
		conn, err := net.Dial("tcp", g.Addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "GET /silent/%s HTTP/1.0\r\nHost: %s\r\nAccept: text/event-stream\r\n\r\n", reason, g.Addr)
		g.AwaitMetric(`subscribers{protocol="http/1.1",via="socket"}`, 1)
		server.Do("XADD", reason, "5-2", "event", "sse.end", "reason", reason)
		body, err := io.ReadAll(conn)
		if (err == nil) != isWhole || isWhole && !strings.Contains(string(body), "data: one\n\nid: 5-2\n\n") {
			t.Errorf("%s: got %q, %v", reason, body, err)
		}
		g.AwaitMetric(`subscribers{protocol="http/1.1",via="socket"}`, 0)
	}
}

// Every end of ours in the middle of a run breaks off: by an operator, at max_duration, and
// at a gap that is to be silent.
func TestRunsAreCut(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	g, ways := startEverywhere(t, server, `sse_subscribe /short/* {path.1} {
	history all
	ends
	max_duration 100ms
}
sse_subscribe /gap/* {path.1} {
	history all
	ends
	gap silent
}`)
	server.Add("short", "7-0", "one")
	server.Add("gap", "7-1", "one")
	server.Do("XTRIM", "gap", "MAXLEN", 0)
	server.Add("gap", "8-1", "two")
	for name, way := range ways {
		for _, s := range []*gatewaytest.Stream{
			gatewaytest.Subscribe(t, way.client, way.url+"/short/short"),
			gatewaytest.Subscribe(t, way.client, way.url+"/gap/gap", "Last-Event-ID: 7-1"),
		} {
			if err := s.AwaitEnd(); err == nil || strings.Contains(s.Text(), "sse.gap") {
				t.Errorf("%s over %s: it ended with %v: %q", s.Request.URL, name, err, s.Text())
			}
		}
	}
	g.AwaitMetric(`subscribers_closed_total{reason="gap"}`, float64(len(ways)))
	g.AwaitMetric(`subscribers_closed_total{reason="old"}`, float64(len(ways)))
	kicked := gatewaytest.Subscribe(t, ways["HTTP/2 wrapped"].client, ways["HTTP/2 wrapped"].url+"/gap/short")
	kicked.Await("data: one\n\n")
	gatewaytest.Do(t, "DELETE", g.Admin+"/sse/subscribers?channel=short", "")
	if err := kicked.AwaitEnd(); err == nil {
		t.Error("one that was kicked ended cleanly")
	}
}

// What somebody gets for whom there is nothing.
func TestNoRun(t *testing.T) {
	g, server := gatewaytest.StartWithRedis(t, `http://{$ADDR} {
	sse_subscribe /204/* {path.1} {
		history all
		ends
		after_end 204
	}
	sse_subscribe /empty/* {path.1} {
		history all
		ends
		none empty
	}
	sse_subscribe /404/* {path.1} {
		history all
		ends
		none 404
	}
}`)
	server.Do("XADD", "over", "5-0", "data", "one")
	server.Do("XADD", "over", "5-1", "event", "sse.end")
	server.Do("SET", "text", "of another type")
	for path, want := range map[string]string{
		"/204/none": "204 ", "/204/over": "204 ", "/204/text": "503 ", "/empty/none": "200 text/event-stream",
		"/404/none": "404 text/plain", "/empty/over?lastEventId=5-1": "200 text/event-stream",
	} {
		for _, method := range []string{"GET", "HEAD"} {
			response, body := gatewaytest.Do(t, method, "http://"+g.Addr+path, "")
			if got := fmt.Sprint(response.StatusCode, " ", response.Header.Get("Content-Type")); !strings.HasPrefix(got, want) {
				t.Errorf("%s %s: got %q, not %q", method, path, got, want)
			}
			if strings.HasPrefix(want, "2") && body != "" {
				t.Errorf("%s %s: got %q", method, path, body)
			}
			if response.Header.Get("Cache-Control") == "" {
				t.Errorf("%s %s may be cached", method, path)
			}
		}
	}
	// An EventSource takes any status but 200 for the end.
	if s := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), "http://"+g.Addr+"/204/text"); s.StatusCode != http.StatusOK || s.AwaitEnd() != nil || !strings.Contains(s.Text(), `event: sse.busy`+"\n"+`data: {"reason":"history"}`) {
		t.Errorf("got %s, %q", s.Status, s.Text())
	}
}

// A run that is longer than a page of the replay, or than max, begins where the newest
// start is, or is told to be longer.
func TestHistoryAll(t *testing.T) {
	g, server := gatewaytest.StartWithRedis(t, `http://{$ADDR} {
	sse_subscribe /all/* {path.1} {
		history all
		ends
	}
	sse_subscribe /max/* {path.1} {
		history all max 10
		ends
	}
	sse_subscribe /on/* {path.1} {
		history all
	}
}`)
	client := server.Client()
	pipe := client.Pipeline()
	for i := range 300 {
		pipe.Do(t.Context(), "XADD", "long", fmt.Sprintf("4-%d", i), "data", "before")
	}
	pipe.Do(t.Context(), "XADD", "long", "5-0", "event", "sse.start")
	for i := range 1000 {
		pipe.Do(t.Context(), "XADD", "long", fmt.Sprintf("5-%d", i+1), "data", "token")
	}
	pipe.Do(t.Context(), "XADD", "long", "6-0", "event", "sse.end")
	if _, err := pipe.Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	url := "http://" + g.Addr
	s := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), url+"/all/long")
	if err := s.AwaitEnd(); err != nil || strings.Count(s.Text(), "data: token\n") != 1000 || strings.Contains(s.Text(), "before") || strings.Contains(s.Text(), "sse.") {
		t.Errorf("got %v, %d tokens", err, strings.Count(s.Text(), "data: token\n"))
	}
	s = gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), url+"/max/long")
	if err := s.AwaitEnd(); err != nil || strings.Count(s.Text(), "data: token\n") != 9 || !strings.Contains(s.Text(), `"reason":"overflow"`) {
		t.Errorf("got %v, %d tokens", err, strings.Count(s.Text(), "data: token\n"))
	}
	// Without ends it goes on, and is told of the ends as of others.
	s = gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), url+"/on/long")
	s.Await("id: 6-0\nevent: sse.end\ndata: {}\n\n")
	if strings.Contains(s.Text(), "before") {
		t.Error("it began before the start")
	}
	server.Add("long", "7-0", "more")
	s.Await("data: more\n\n")
}
