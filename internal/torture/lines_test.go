package torture

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A line is a client that has one HTTP/2 connection to each gateway, for the
// subscriptions of many and for other requests.
type line struct {
	client *http.Client
	cuts   atomic.Int64 // of its connections, by itself
}

// lineWindow is how many bytes a line takes that nobody has read, of all streams: so
// little that windows are used up.
const lineWindow = 256 << 10

func newLine() *line {
	var p http.Protocols
	p.SetHTTP2(true)
	p.SetUnencryptedHTTP2(true)
	return &line{client: &http.Client{Transport: &http.Transport{
		Protocols:          &p,
		HTTP2:              &http.HTTP2Config{MaxReceiveBufferPerStream: 64 << 10, MaxReceiveBufferPerConnection: lineWindow},
		TLSClientConfig:    &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // a test's own certificate
		DisableCompression: true,
	}}}
}

// cut resets a connection with all that goes over it: a crash.
func (l *line) cut(c net.Conn) {
	l.cuts.Add(1)
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	_ = c.(*net.TCPConn).SetLinger(0)
	c.Close()
}

// A stream is an answer over a line.
type stream struct {
	io.ReadCloser

	line  *line
	ctx   context.Context
	end   context.CancelCauseFunc
	timer *time.Timer
	conn  net.Conn
	cuts  bool // it leaves by cutting the line
}

// cutEvery is how seldom one that leaves cuts the whole line.
const cutEvery = 40

// open subscribes over the line.
func (l *line) open(ctx context.Context, s *subscriber, g gateway, limit time.Duration, leaves bool) (answer, error) {
	a := &stream{line: l, cuts: leaves && s.random.IntN(cutEvery) == 0}
	a.ctx, a.end = context.WithCancelCause(ctx)
	a.timer = time.AfterFunc(limit, func() { a.end(os.ErrDeadlineExceeded) })
	traced := httptrace.WithClientTrace(a.ctx, &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { a.conn = i.Conn }})
	r, err := http.NewRequestWithContext(traced, http.MethodGet, g.url+s.path, nil)
	if err != nil {
		return nil, err
	}
	r.Header = s.header()
	response, err := l.client.Do(r)
	if err != nil {
		defer a.end(nil)
		return nil, cmp.Or(context.Cause(a.ctx), err)
	}
	a.ReadCloser = response.Body
	if err := refusalOf(response); err != nil {
		a.Close()
		return nil, err
	}
	return a, nil
}

func (a *stream) Read(p []byte) (int, error) {
	n, err := a.ReadCloser.Read(p)
	if err != nil {
		err = cmp.Or(context.Cause(a.ctx), err)
	}
	return n, err
}

func (a *stream) stay() { a.timer.Stop() }

func (a *stream) Close() error {
	a.timer.Stop()
	if a.cuts && a.conn != nil {
		a.line.cut(a.conn)
	}
	a.end(nil) // RST_STREAM, unless it is over
	return a.ReadCloser.Close()
}

// Lines are those of a run, and whether they are to be judged.
type lines struct {
	all    []*line
	report *report
	app    string // sends back what it gets

	crashed atomic.Int64 // when a gateway was last down, in Unix nanoseconds
	asked   atomic.Int64 // requests that were answered
	failed  atomic.Int64 // where the connection was cut
	end     context.CancelFunc
	askers  sync.WaitGroup
}

func newLines(t *testing.T, n int) *lines {
	t.Helper()
	l := &lines{}
	for range n {
		l.all = append(l.all, newLine())
	}
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // what is sent back tells
		_, _ = w.Write(body)
	}))
	t.Cleanup(app.Close)
	l.app = app.Listener.Addr().String()
	return l
}

// noteCrashes returns gateways whose end is known here.
func (l *lines) noteCrashes(gateways []gateway) []gateway {
	for i, g := range gateways {
		gateways[i].kill = func() { l.crashed.Store(time.Now().Add(time.Hour).UnixNano()); g.kill() }
		gateways[i].run = func() { g.run(); l.crashed.Store(time.Now().UnixNano()) }
	}
	return gateways
}

// ask has each line ask for other things, too, until rest.
func (l *lines) ask(t *testing.T, r *report, gateways []gateway, random func() *rand.Rand) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	l.report, l.end = r, cancel
	t.Cleanup(l.rest)
	for i, line := range l.all {
		random := random()
		l.askers.Go(func() {
			for {
				pause(ctx, time.Duration(random.Int64N(int64(2*askEvery))))
				if ctx.Err() != nil {
					return
				}
				l.request(fmt.Sprint("line ", i), line, gateways[random.IntN(len(gateways))], random.IntN(100_000))
			}
		})
	}
}

// cuts is how often a line has cut one of its connections.
func (l *lines) cuts() (n int64) {
	for _, line := range l.all {
		n += line.cuts.Load()
	}
	return n
}

// askEvery is how often a line asks for something, on average.
const askEvery = time.Second

// rest ends the asking.
func (l *lines) rest() {
	l.end()
	l.askers.Wait()
}

// mended is how long after a crash a client may not have noticed it.
const mended = 5 * time.Second

// request sends a body of that size, and expects it back. It fails the run unless the
// connection was cut on the way, by the line or with its gateway.
func (l *lines) request(name string, line *line, g gateway, size int) {
	began, cuts := time.Now(), line.cuts.Load()
	body := bytes.Repeat([]byte("abcdefg"), size/7)
	err := line.echo(g.url+"/echo", body)
	switch {
	case err == nil:
		l.asked.Add(1)
	case line.cuts.Load() != cuts || l.crashed.Load() > began.Add(-mended).UnixNano():
		l.failed.Add(1)
	default:
		l.report.add(refused, name, "a request of %d bytes to gateway %d at %s: %v; the last fault: %s",
			len(body), g.number, l.report.diary.at(began), err, l.report.diary.before(time.Now()))
	}
}

func (l *line) echo(url string, body []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), reach)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	response, err := l.client.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	got, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return err
	case response.StatusCode != http.StatusOK || !bytes.Equal(got, body):
		return fmt.Errorf("status %d, %d bytes come back", response.StatusCode, len(got))
	}
	return nil
}
