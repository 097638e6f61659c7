package transport

import (
	"crypto/tls"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/eventstream"
)

// A tlsServer takes over TLS connections, in a loop.
type tlsServer struct {
	*testLoop
	t        testing.TB
	listener net.Listener
	poller   *Poller
	config   *tls.Config
	options  *Options
}

func newTLSServer(t testing.TB, o *Options) *tlsServer {
	t.Helper()
	certificate, err := someCertificate()
	if err != nil {
		t.Fatal(err)
	}
	s := &tlsServer{
		testLoop: newTestLoop(t), t: t, options: o,
		config: &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12},
	}
	if s.poller, err = NewPoller(); err != nil {
		t.Fatal(err)
	}
	if s.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.listener.Close()
		s.poller.Close()
	})
	return s
}

// accept takes over the next connection, whose client has sent "hi", and returns its end
// when it comes.
func (s *tlsServer) accept() (*socket, <-chan End) {
	s.t.Helper()
	conn, err := s.listener.Accept()
	if err != nil {
		s.t.Fatal(err)
	}
	server := tls.Server(conn, s.config)
	request := make([]byte, 2)
	if _, err := server.Read(request); err != nil && err != io.EOF || string(request) != "hi" {
		s.t.Fatalf("%q, %v", request, err)
	}
	ended := make(chan End, 1)
	taken := &takenOver{
		conn: &takenConn{tcp: conn.(*net.TCPConn), tls: server}, poller: s.poller, options: s.options,
		ended: func(e End) { ended <- e },
	}
	var out *socket
	s.run(func() { out = newSocket(taken, s) })
	s.t.Cleanup(func() { s.run(func() { out.end(ErrLeft) }) })
	return out, ended
}

// client connects one that has a small window, and sends "hi", and then does more.
func (s *tlsServer) client(version uint16, more ...func(*tls.Conn) error) (*tls.Conn, *net.TCPConn) {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.listener.Addr().String())
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	tcp := conn.(*net.TCPConn)
	if err := tcp.SetReadBuffer(64 << 10); err != nil {
		s.t.Fatal(err)
	}
	_ = conn.SetDeadline(time.Now().Add(time.Minute)) // it is a socket
	client := tls.Client(conn, &tls.Config{InsecureSkipVerify: true, MaxVersion: version, Certificates: s.config.Certificates})
	go func() { // the server's half of the handshake is done by accept
		_, _ = client.Write([]byte("hi"))
		for _, f := range more {
			_ = f(client)
		}
	}()
	return client, tcp
}

// A testLoop is a loop that says how long it was busy at a time.
type testLoop struct {
	work    chan func()
	longest atomic.Int64
}

func newTestLoop(t testing.TB) *testLoop {
	l := &testLoop{work: make(chan func(), 1024)}
	done := make(chan struct{})
	go func() {
		for {
			select {
			case f := <-l.work:
				began := time.Now()
				f()
				l.longest.Store(max(l.longest.Load(), int64(time.Since(began))))
			case <-done:
				return
			}
		}
	}()
	t.Cleanup(func() { close(done) })
	return l
}

var testsBegan = time.Now()

func (l *testLoop) Do(f func())      { l.work <- f }
func (*testLoop) Now() time.Duration { return time.Since(testsBegan) }

// run runs f in the loop, and returns when it has.
func (l *testLoop) run(f func()) {
	done := make(chan struct{})
	l.Do(func() {
		defer close(done)
		f()
	})
	<-done
}

// await waits until the condition holds in the loop.
func (l *testLoop) await(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for began := time.Now(); ; time.Sleep(time.Millisecond) {
		var holds bool
		if l.run(func() { holds = condition() }); holds {
			return
		}
		if time.Since(began) > 20*time.Second {
			t.Fatal("there is not: " + what)
		}
	}
}

// frameOf is a frame of these bytes as they stand.
func frameOf(text string) *eventstream.Frame {
	return eventstream.NewFrame(len(text), func(b []byte) []byte { return append(b, text...) })
}

func awaitEnd(t testing.TB, ended <-chan End) End {
	t.Helper()
	select {
	case e := <-ended:
		return e
	case <-time.After(20 * time.Second):
		t.Fatal("it has not ended")
		return End{}
	}
}
