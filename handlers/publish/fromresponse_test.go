package publish_test

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// coders make what the gateway has to undo.
var coders = map[string]func(io.Writer) io.WriteCloser{
	"gzip":    func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) },
	"deflate": func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) },
	"br":      func(w io.Writer) io.WriteCloser { return brotli.NewWriter(w) },
	"zstd": func(w io.Writer) io.WriteCloser {
		z, _ := zstd.NewWriter(w) // without options it cannot fail
		return z
	},
}

// encoded is a text in a content coding.
func encoded(t *testing.T, coding, text string) string {
	t.Helper()
	if coding == "" {
		return text
	}
	var b bytes.Buffer
	w := coders[coding](&b)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// newEcho is an app that answers what it is sent, in the way that the query
// says.
func newEcho(t *testing.T) *httptest.Server {
	t.Helper()
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		query := r.URL.Query()
		w.Header().Set("X-App", "yes")
		if coding := query.Get("coding"); coding != "" {
			w.Header().Set("Content-Encoding", coding)
		}
		if query.Has("status") {
			var status int
			fmt.Sscan(query.Get("status"), &status)
			w.WriteHeader(status)
		}
		for part := range bytes.Lines(body) {
			_, _ = w.Write(part)
			if query.Has("flush") {
				_ = http.NewResponseController(w).Flush()
			}
		}
	}))
	t.Cleanup(app.Close)
	return app
}

func answers(app *httptest.Server) string {
	return `http://{$ADDR} {
	sse_subscribe /live/* {path.1}
	sse_subscribe /kept/* {path.1} {
		history
	}
	sse_publish /say/* {path.1} {
		from_response
		max_size 1KiB
	}
	sse_publish /rooms room:{sse.response.json.room.id} {
		from_response
		event {sse.response.json.type}
		data {sse.response.json.room}
		store
	}
	sse_publish /gone/* {path.1} {
		from_response
		event gone
		data {path.1}
		store
	}
	sse_publish /json/* {path.1} {
		from_response
		format json
	}
	sse_publish /store/* {path.1} {
		from_response
		store
	}
	reverse_proxy ` + app.Listener.Addr().String() + `
}`
}

func TestAnswersArePublished(t *testing.T) {
	app := newEcho(t)
	g, server := gatewaytest.StartWithRedis(t, answers(app))
	s := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), "http://"+g.Addr+"/live/c")
	redistest.Await(t, "a subscription", func() bool { return server.Listeners("c") == 1 })
	large := strings.Repeat("x", 2000)
	for i, test := range []struct {
		method, query, text string
		published, failed   bool
	}{
		{"POST", "", "plain", true, false},
		{"PUT", "status=201", "created", true, false},
		{"PATCH", "flush", "a\nb\nc", true, false},
		{"DELETE", "", "deleted", true, false},
		{"POST", "coding=gzip", "by gzip", true, false},
		{"POST", "coding=deflate", "by deflate", true, false},
		{"POST", "coding=br", "by brotli", true, false},
		{"POST", "coding=zstd", "by zstd", true, false},
		{"POST", "status=204", "", false, false},
		{"POST", "", "", false, false},
		{"POST", "status=400", "a mistake", false, false},
		{"POST", "status=302", "elsewhere", false, false},
		{"POST", "status=500", "a bug", false, false},
		{"GET", "", "", false, false},
		{"POST", "", large, false, true},
		{"POST", "flush", strings.Repeat(strings.Repeat("y", 100)+"\n", 20), false, true},
		{"POST", "coding=gzip", strings.Repeat("z", 1<<20), false, true},
		{"POST", "coding=x-unheard-of", "strange", false, true},
	} {
		text := test.text
		if text != "" && !test.failed {
			text = fmt.Sprint(i, " ", text)
		}
		coding := strings.TrimPrefix(test.query, "coding=")
		if coders[coding] == nil {
			coding = ""
		}
		sent := encoded(t, coding, text)
		r, body := gatewaytest.Do(t, test.method, "http://"+g.Addr+"/say/c?"+test.query, sent, "Accept-Encoding: gzip, br, zstd")
		if body != sent || r.Header.Get("X-App") != "yes" {
			t.Errorf("%+.60v: the answer was %s %v %.100q", test, r.Status, r.Header, body)
		}
		if failed := r.Header.Get("Sse-Publish") == "failed"; failed != test.failed || failed != (r.Header.Get("Sse-Error") != "") {
			t.Errorf("%+.60v: %v", test, r.Header)
		}
		if test.published {
			s.AwaitData("data: " + strings.ReplaceAll(text, "\n", "\ndata: ") + "\n\n")
		}
	}
	server.Do("PUBLISH", "c", "the end")
	s.Await("data: the end\n\n")
	if n := strings.Count(s.Text(), "\n\n"); n != 10 { // IDs' included
		t.Errorf("%d events came: %s", n, s.Text())
	}
	for result, n := range map[string]int{"published": 8, "failed": 4, "late": 0} {
		g.AwaitMetric(fmt.Sprintf("publishes_total{result=%q}", result), float64(n))
	}
	if n := strings.Count(g.Log(), "an answer was not published"); n != 1 {
		t.Errorf("the log says it %d times", n)
	}
}

// An event stream is its client's as it comes, and is not published.
func TestAnswersThatStream(t *testing.T) {
	mayEnd := make(chan struct{})
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		_, _ = io.WriteString(w, "data: one\n\n")
		_ = http.NewResponseController(w).Flush()
		<-mayEnd
	}))
	t.Cleanup(app.Close)
	end := sync.OnceFunc(func() { close(mayEnd) })
	t.Cleanup(end)
	g, _ := gatewaytest.StartWithRedis(t, answers(app))
	r, err := http.Post("http://"+g.Addr+"/say/c", "text/plain", strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	first := make([]byte, len("data: one\n\n"))
	if _, err := io.ReadFull(r.Body, first); err != nil || string(first) != "data: one\n\n" {
		t.Errorf("got %q, %v", first, err)
	}
	if r.Header.Get("Sse-Publish") != "failed" || !strings.HasPrefix(r.Header.Get("Sse-Error"), "bad_answer: the answer is an event stream") {
		t.Errorf("got %v", r.Header)
	}
	end()
	if rest, err := io.ReadAll(r.Body); err != nil || len(rest) > 0 {
		t.Errorf("got %q, %v", rest, err)
	}
}

// What an answer says can name the channel, the type and the data.
func TestAnswersHavePlaceholders(t *testing.T) {
	app := newEcho(t)
	g, server := gatewaytest.StartWithRedis(t, answers(app))
	s := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), "http://"+g.Addr+"/kept/room:42?lastEventId=0-0")
	post := func(method, path, body string) *http.Response {
		t.Helper()
		r, _ := gatewaytest.Do(t, method, "http://"+g.Addr+path, body)
		return r
	}
	post("POST", "/rooms", `{"room":{"id":42,"name":"Kitchen \"new\""},"type":"opened"}`)
	s.Await("event: opened\ndata: {\"id\":42,\"name\":\"Kitchen \\\"new\\\"\"}\n\n")
	post("DELETE", "/gone/room:42?status=204", "")
	s.Await("event: gone\ndata: room:42\n\n")
	for _, body := range []string{`{"room":{"name":"no id"}}`, `{"room":{"id":null}}`, `not JSON`, `{"room":{"id":"with a space"}}`} {
		if r := post("POST", "/rooms", body); r.StatusCode != 200 || r.Header.Get("Sse-Publish") != "failed" {
			t.Errorf("%s: %s %v", body, r.Status, r.Header)
		}
	}
	if r := post("POST", "/json/c", "no envelope"); r.StatusCode != 200 || r.Header.Get("Sse-Publish") != "failed" {
		t.Errorf("no envelope: %s %v", r.Status, r.Header)
	}
	if keys := server.Do("DBSIZE"); keys != int64(1) {
		t.Errorf("%v histories", keys)
	}
}

// While Redis is away the app's answers are stored later, in order, once.
func TestAnswersAreStoredLater(t *testing.T) {
	t.Parallel()
	app := newEcho(t)
	server := redistest.Start(t, "--appendonly", "yes", "--appendfsync", "always")
	g := gatewaytest.Start(t, gatewaytest.RedisOption(server), answers(app))
	s := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), "http://"+g.Addr+"/kept/c?lastEventId=0-0")
	var want strings.Builder
	post := func(text string) string {
		t.Helper()
		fmt.Fprintf(&want, "data: %s\n\n", text)
		r, body := gatewaytest.Do(t, "POST", "http://"+g.Addr+"/store/c", text)
		if body != text || r.StatusCode != 200 {
			t.Errorf("%s: %s %q", text, r.Status, body)
		}
		return r.Header.Get("Sse-Publish")
	}
	if result := post("before"); result != "" {
		t.Errorf("Sse-Publish is %q", result)
	}
	s.Await("data: before\n\n")
	server.Kill()
	for i := range 20 {
		if result := post(fmt.Sprint("meanwhile ", i)); result != "queued" {
			t.Errorf("Sse-Publish is %q", result)
		}
	}
	server.Restart()
	s.AwaitData(want.String())
	redistest.Await(t, "an end of the backlog", func() bool { return post("after") == "" })
	s.AwaitData(want.String())
	// Each is counted once: all but the first and the last were late.
	all := strings.Count(want.String(), "data: ")
	for result, n := range map[string]int{"published": 2, "late": all - 2, "failed": 0, "lost": 0, "refused": 0} {
		g.AwaitMetric(fmt.Sprintf("publishes_total{result=%q}", result), float64(n))
	}
}
