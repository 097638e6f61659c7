package main

import (
	"crypto/tls"
	"io"
	"net"
	"net/http/httptest"
	"testing"
	"time"

	xhttp2 "golang.org/x/net/http2"

	"github.com/caddy-sse/caddy-sse/internal/http2"
)

// FuzzHTTP2Frames has x/net's framers speak through a session, both ways, in pieces of any
// size: each reads what the other one has written, but for windows, of which the server is
// never told of more than there is.
func FuzzHTTP2Frames(f *testing.F) {
	f.Add([]byte("0123456789abcdefghijklmnopqrstuvwxyz"), uint16(7))
	f.Add([]byte{0, 255, 3, 1, 1, 200, 4, 9, 9, 8, 0, 0, 3, 3, 9, 5, 5, 5, 2, 2, 1}, uint16(1))
	f.Add([]byte{8, 0, 200, 8, 3, 100, 4, 0, 50, 0, 1, 255, 0, 3, 255, 6, 0, 0}, uint16(20_000))
	certificate := httptest.NewUnstartedServer(nil)
	certificate.StartTLS()
	config := certificate.TLS.Clone()
	certificate.Close()
	config.NextProtos = []string{"h2"}
	f.Fuzz(func(t *testing.T, script []byte, piece uint16) {
		script = script[:min(len(script), 300)] // so that all DATA fits the window
		server, client := sessionPair(t, config)
		for _, way := range []struct {
			from, to net.Conn
			windows  bool
		}{{client, server, true}, {server, client, false}} {
			checkFrames(t, way.from, way.to, script, int(piece)+1, way.windows)
		}
	})
}

func sessionPair(t *testing.T, config *tls.Config) (server, client net.Conn) {
	t.Helper()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln := http2.Wrap(tls.NewListener(inner, config))
	defer ln.Close()
	dialed := make(chan net.Conn, 1)
	go func() {
		c, _ := tls.Dial("tcp", inner.Addr().String(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}}) //nolint:gosec // a test's own certificate
		dialed <- c
	}()
	if server, err = ln.Accept(); err != nil {
		t.Fatal(err)
	}
	client = <-dialed
	if http2.Of(server) == nil {
		t.Fatal("it is no session")
	}
	limit := time.Now().Add(10 * time.Second)
	_, _ = client.SetDeadline(limit), server.SetDeadline(limit)
	t.Cleanup(func() { server.Close(); client.Close() })
	if _, err := io.WriteString(client, xhttp2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(server, make([]byte, len(xhttp2.ClientPreface))); err != nil {
		t.Fatal(err)
	}
	return server, client
}

// inPieces writes in pieces, which are not small for long: each is a record of TLS.
type inPieces struct {
	to   io.Writer
	size int
}

func (w inPieces) Write(p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var some int
		size := w.size
		if n >= 50 {
			size += 5000
		}
		some, err = w.to.Write(p[n:min(len(p), n+size)])
		n += some
	}
	return n, err
}

// checkFrames has one side write the frames that the script says, and compares what the
// other one reads with what is read without a session.
func checkFrames(t *testing.T, from, to net.Conn, script []byte, piece int, windows bool) {
	t.Helper()
	plainRead, plainWrite := io.Pipe()
	go func() {
		var both io.Writer = inPieces{from, piece}
		both = io.MultiWriter(plainWrite, both)
		writeFrames(xhttp2.NewFramer(both, nil), script)
		plainWrite.Close()
	}()
	expected, got := xhttp2.NewFramer(io.Discard, plainRead), xhttp2.NewFramer(io.Discard, to)
	expected.AllowIllegalReads, got.AllowIllegalReads = true, true
	var given, told uint64
	next := func() (xhttp2.Frame, error) {
		for {
			f, err := expected.ReadFrame()
			if w, ok := f.(*xhttp2.WindowUpdateFrame); ok && windows && w.StreamID == 0 {
				given += uint64(w.Increment)
				continue
			}
			return f, err
		}
	}
	for {
		want, err := next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		var f xhttp2.Frame
		for {
			if f, err = got.ReadFrame(); err != nil {
				t.Fatalf("%v, not %v", err, want)
			}
			w, ok := f.(*xhttp2.WindowUpdateFrame)
			if !ok || !windows || w.StreamID != 0 {
				break
			}
			told += uint64(w.Increment)
		}
		if f.Header().String() != want.Header().String() {
			t.Fatalf("%v, not %v", f.Header(), want.Header())
		}
	}
	if told > given {
		t.Errorf("the server is told of %d, where the client takes %d", told, given)
	}
}

// writeFrames writes frames: three bytes of the script are one.
func writeFrames(f *xhttp2.Framer, script []byte) {
	f.AllowIllegalWrites = true
	for ; len(script) >= 3; script = script[3:] {
		stream, payload := 1+uint32(script[1]%7), make([]byte, int(script[2])*100)
		switch script[0] % 9 {
		case 0:
			_ = f.WriteData(stream, script[1]&8 != 0, payload[:script[2]])
		case 1:
			_ = f.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: stream, BlockFragment: payload, EndHeaders: true, EndStream: script[1]&8 != 0})
		case 2:
			_ = f.WritePriority(stream, xhttp2.PriorityParam{StreamDep: 1})
		case 3:
			_ = f.WriteRSTStream(stream, xhttp2.ErrCodeCancel)
		case 4:
			_ = f.WriteSettings(xhttp2.Setting{ID: xhttp2.SettingInitialWindowSize, Val: uint32(script[2]) * 1000})
		case 5:
			_ = f.WritePing(false, [8]byte{script[1]})
		case 6:
			_ = f.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: stream, BlockFragment: payload})
			_ = f.WriteContinuation(stream, true, payload)
		case 7:
			_ = f.WriteRawFrame(0x40, xhttp2.Flags(script[1]), stream, payload)
		case 8:
			_ = f.WriteWindowUpdate(stream-1, 1+uint32(script[2]))
		}
	}
	_ = f.WritePing(true, [8]byte{'e', 'n', 'd'})
}
