package http2

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"io"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

var serverConfig = sync.OnceValue(func() *tls.Config {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, NextProtos: []string{"h2", "http/1.1"}} //nolint:gosec // some cases have old versions
})

func clientConfig() *tls.Config {
	return &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}} //nolint:gosec // a test's own certificate
}

// A served is a session, and what its server has of it.
type served struct {
	*Session
	*service
}

// pair is a session, and its client, which has said the preface.
func pair(t testing.TB) (served, *tls.Conn) {
	t.Helper()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln := Wrap(tls.NewListener(inner, serverConfig()))
	defer ln.Close()
	clients := make(chan *tls.Conn, 1)
	go func() {
		c, err := tls.Dial("tcp", inner.Addr().String(), clientConfig())
		if err != nil {
			t.Error(err)
		}
		clients <- c
	}()
	conn, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	client := <-clients
	session := Of(struct{ net.Conn }{conn}) // as Caddy has it
	if session == nil {
		t.Fatalf("%T is no session", conn)
	}
	limit := time.Now().Add(20 * time.Second)
	_, _ = client.SetDeadline(limit), conn.SetDeadline(limit)
	t.Cleanup(func() {
		client.Close()
		session.mu.Lock()
		session.fail(net.ErrClosed)
		session.unlock()
	})
	return served{session, session.served}, client
}

// start has the client say the preface, and the server read it.
func start(t testing.TB, s served, client net.Conn) {
	t.Helper()
	send(t, client, []byte(preface))
	receive(t, s, []byte(preface))
}

func send(t testing.TB, to io.Writer, frames ...[]byte) {
	t.Helper()
	if _, err := to.Write(bytes.Join(frames, nil)); err != nil {
		t.Fatal(err)
	}
}

// receive reads what is to come.
func receive(t testing.TB, from io.Reader, want []byte) {
	t.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(from, got); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("got %x, %v; not %x", got[:n], err, want)
	}
}

func frame(kind, flags byte, stream uint32, payload ...byte) []byte {
	return append(head{len(payload), kind, flags, stream}.append(nil), payload...)
}

func number(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }

// claimed is a session with one taken stream, number 1.
func claimed(t testing.TB) (served, *tls.Conn, *Taken) {
	t.Helper()
	s, client := pair(t)
	start(t, s, client)
	return s, client, take(t, s, client, 1)
}

// take opens a stream and takes it.
func take(t testing.TB, s served, client net.Conn, id uint32) *Taken {
	t.Helper()
	request := frame(typeHeaders, flagEndHeaders|flagEndStream, id, 1, 2, 3)
	send(t, client, request)
	receive(t, s, request)
	c := s.Claim()
	response := frame(typeHeaders, flagEndHeaders, id, 4, 5)
	send(t, s, response, frame(typeData, 0, id, c.Marker()...))
	taken := c.Wait(t.Context(), 10*time.Second)
	if taken == nil {
		t.Fatal("it is not taken")
	}
	receive(t, client, response)
	return taken
}

// writeSoon writes when it can be done.
func writeSoon(t testing.TB, taken *Taken, text string, isLast bool) {
	t.Helper()
	redistest.Await(t, "the stream to take it", func() bool {
		n, err := taken.Write([][]byte{[]byte(text)}, isLast)
		return n == len(text) && err == nil
	})
}

func TestTaken(t *testing.T) {
	t.Parallel()
	s, client, taken := claimed(t)
	taken.Start(func() {}, func(f func()) { go f() })
	if n, err := taken.Write([][]byte{[]byte("one"), []byte("two")}, false); n != 6 || err != nil {
		t.Fatal(n, err)
	}
	receive(t, client, frame(typeData, 0, 1, []byte("onetwo")...))
	// The handler returns: the client does not hear of it.
	ping := frame(typePing, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8)
	send(t, s, frame(typeData, flagEndStream, 1), ping)
	receive(t, client, ping)
	if n, err := taken.Write([][]byte{[]byte("end")}, true); n != 3 || err != nil {
		t.Fatal(n, err)
	}
	receive(t, client, frame(typeData, flagEndStream, 1, []byte("end")...))
	if _, err := taken.Write([][]byte{[]byte("more")}, false); err != ErrOver {
		t.Error(err)
	}
	if len(s.streams) > 0 || s.taken != 0 {
		t.Errorf("it keeps %v, %d", s.streams, s.taken)
	}
}

// A marker that the server writes in pieces is recognized, too, and one that nobody waits
// for any more reaches the client, as a comment.
func TestMarker(t *testing.T) {
	t.Parallel()
	for cut := range headLen + markerLen {
		s, client := pair(t)
		start(t, s, client)
		request := frame(typeHeaders, flagEndHeaders|flagEndStream, 1)
		send(t, client, request)
		receive(t, s, request)
		c := s.Claim()
		f := frame(typeData, 0, 1, c.Marker()...)
		send(t, s, f[:cut])
		send(t, s, f[cut:])
		if c.Wait(t.Context(), 10*time.Second) == nil {
			t.Fatalf("cut at %d it is not taken", cut)
		}
	}
	s, client := pair(t)
	start(t, s, client)
	send(t, client, frame(typeHeaders, flagEndHeaders|flagEndStream, 1), frame(typeHeaders, flagEndHeaders, 3))
	receive(t, s, append(frame(typeHeaders, flagEndHeaders|flagEndStream, 1), frame(typeHeaders, flagEndHeaders, 3)...))
	late := s.Claim()
	if late.Wait(t.Context(), time.Millisecond) != nil {
		t.Error("it is taken by nothing")
	}
	send(t, s, frame(typeData, 0, 1, late.Marker()...))
	receive(t, client, frame(typeData, 0, 1, late.Marker()...))
	if m := late.Marker(); m[0] != ':' || m[markerLen-1] != '\n' || bytes.ContainsAny(m[1:markerLen-1], "\r\n") {
		t.Errorf("%q is no comment", m)
	}
	// A request whose body is still open, a stream that has had something, and other
	// bytes are not taken.
	claim := s.Claim()
	for _, f := range [][]byte{frame(typeData, 0, 3, claim.Marker()...), frame(typeData, 0, 1, claim.Marker()...), frame(typeData, 0, 5, claim.Marker()...)} {
		send(t, s, f)
		receive(t, client, f)
	}
}

// Whatever the server writes, in whatever pieces, the client gets as it is. So does the
// server what the client writes, but for windows.
func TestAllPasses(t *testing.T) {
	t.Parallel()
	random := mathrand.New(mathrand.NewPCG(1, 2)) //nolint:gosec // it is the same each time
	for range 40 {
		s, client := pair(t)
		start(t, s, client)
		s.ledger.window = largestWindow // of all that the server sends
		checkPasses(t, random, s, client, someFrames(random))
		checkPasses(t, random, client, s, someFrames(random))
	}
}

func someFrames(random *mathrand.Rand) []byte {
	var all []byte
	for range 30 {
		kind := [...]byte{typeData, typeHeaders, 2, typeRSTStream, typePushPromise, typePing, typeGoAway, typeContinuation, 0x40}[random.IntN(9)]
		payload := make([]byte, random.IntN(40))
		if random.IntN(5) == 0 {
			payload = make([]byte, random.IntN(40_000))
		}
		for i := range payload {
			payload[i] = byte(random.Uint32())
		}
		all = append(all, frame(kind, byte(random.Uint32())|flagEndHeaders, random.Uint32N(8), payload...)...)
	}
	return all
}

func checkPasses(t testing.TB, random *mathrand.Rand, from, to net.Conn, all []byte) {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		got := make([]byte, len(all))
		_, err := io.ReadFull(to, got)
		if err == nil && !bytes.Equal(got, all) {
			err = errors.New("something else has come")
		}
		done <- err
	}()
	for left := all; len(left) > 0; {
		n := min(len(left), 1+random.IntN(20))
		if random.IntN(3) == 0 {
			n = min(len(left), 1+random.IntN(30_000))
		}
		send(t, from, left[:n])
		left = left[n:]
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// Nothing is put between pieces of a frame, nor between those of a header block.
func TestBoundary(t *testing.T) {
	t.Parallel()
	s, client, taken := claimed(t)
	woken := make(chan struct{}, 100)
	taken.Start(func() { woken <- struct{}{} }, func(f func()) { go f() })
	data := frame(typeData, 0, 3, []byte("a long one")...)
	block := append(frame(typeHeaders, 0, 3, 1, 2), frame(typeContinuation, flagEndHeaders, 3, 3, 4)...)
	for _, f := range [][]byte{data, block} {
		for _, cut := range []int{headLen, headLen + 1, len(f) - 1} {
			send(t, s, f[:cut])
			if _, err := taken.Write([][]byte{[]byte("x")}, false); err != ErrBlocked {
				t.Errorf("within a frame, at %d: %v", cut, err)
			}
			send(t, s, f[cut:])
			<-woken
			if n, err := taken.Write([][]byte{[]byte("x")}, false); n != 1 || err != nil {
				t.Errorf("after a frame: %d, %v", n, err)
			}
			receive(t, client, append(f, frame(typeData, 0, 1, 'x')...))
		}
	}
	// Of a head that is not whole nothing is out.
	send(t, s, data[:5])
	if n, err := taken.Write([][]byte{[]byte("x")}, false); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	send(t, s, data[5:])
	receive(t, client, append(frame(typeData, 0, 1, 'x'), data...))
}

// The stream's window and the connection's bound what a taken stream sends, and the server
// is not told of what it has used.
func TestWindows(t *testing.T) {
	t.Parallel()
	s, client, taken := claimed(t)
	woken := make(chan struct{}, 100)
	taken.Start(func() { woken <- struct{}{} }, func(f func()) { go f() })
	sent := 0
	part := make([]byte, 50_000)
	write := func() (err error) {
		for err == nil {
			var n int
			n, err = taken.Write([][]byte{part}, false)
			sent += n
		}
		return err
	}
	go func() { _, _ = io.Copy(io.Discard, client) }()
	if err := write(); err != ErrBlocked || sent != defaultWindow {
		t.Fatalf("%d bytes, %v", sent, err)
	}
	ping := frame(typePing, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8)
	// The stream's alone is not enough; the server does not hear of it.
	send(t, client, frame(typeWindowUpdate, 0, 1, number(100)...), ping)
	receive(t, s, ping)
	<-woken
	if err := write(); err != ErrBlocked || sent != defaultWindow {
		t.Fatalf("%d bytes, %v", sent, err)
	}
	// What was used, and a reserve, is taken from what the server hears of.
	send(t, client, frame(typeWindowUpdate, 0, 0, number(100_000)...), ping)
	reserve := 100_000 / reserveShare
	receive(t, s, append(frame(typeWindowUpdate, 0, 0, number(uint32(100_000-(defaultWindow-markerLen)-reserve))...), ping...))
	<-woken
	if err := write(); err != ErrBlocked || sent != defaultWindow+100 {
		t.Fatalf("%d bytes, %v", sent, err)
	}
	send(t, client, frame(typeSettings, 0, 0, 0, settingInitialWindowSize, 0, 1, 0, 9))
	receive(t, s, frame(typeSettings, 0, 0, 0, settingInitialWindowSize, 0, 1, 0, 9))
	<-woken
	if err := write(); err != ErrBlocked || sent != defaultWindow+100+10 {
		t.Fatalf("%d bytes, %v", sent, err)
	}
}

// The server's DATA waits while taken streams have used what it believes to have.
func TestServerWaitsForTheWindow(t *testing.T) {
	t.Parallel()
	s, client, taken := claimed(t)
	taken.Start(func() {}, func(f func()) { go f() })
	for range 5 {
		if _, err := taken.Write([][]byte{make([]byte, 13_000)}, false); err != nil {
			t.Fatal(err)
		}
	}
	data := frame(typeData, 0, 3, make([]byte, 1000)...)
	done := make(chan struct{})
	go func() {
		send(t, s, data)
		close(done)
	}()
	for range 5 {
		receive(t, client, frame(typeData, 0, 1, make([]byte, 13_000)...))
	}
	select {
	case <-done:
		t.Error("it does not wait")
	case <-time.After(20 * time.Millisecond): // it would not take as long
	}
	ping := frame(typePing, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8)
	send(t, client, frame(typeWindowUpdate, 0, 0, number(1000)...), ping)
	receive(t, s, ping)
	receive(t, client, data)
	<-done
}

// What the server knows and what is there never differ by more than taken streams have
// used, and nobody overdraws.
func TestLedger(t *testing.T) {
	t.Parallel()
	random := mathrand.New(mathrand.NewPCG(3, 4)) //nolint:gosec // it is the same each time
	for range 200 {
		l := newLedger()
		client, server := int64(defaultWindow), int64(defaultWindow)
		for range 500 {
			n := int64(random.IntN(20_000))
			switch random.IntN(3) {
			case 0:
				if n = min(n, server); l.serverSends(n) {
					server -= n
					client -= n
				} else if n <= client {
					t.Fatal("the client would take it")
				}
			case 1:
				n = min(n, int64(l.room(1<<40)))
				l.streamSends(n)
				client -= n
			case 2:
				used := l.largest - l.window
				n = random.Int64N(max(1, used+1000))
				forServer, ok := l.update(n)
				if !ok || forServer < 0 || forServer > n {
					t.Fatal(forServer, ok)
				}
				client += n
				server += forServer
			}
			if client < 0 || l.window != client || l.window-l.reserve != server {
				t.Fatalf("%+v where the client takes %d, and the server knows of %d", l, client, server)
			}
		}
	}
	l := newLedger()
	if _, ok := l.update(largestWindow); ok {
		t.Error("a window that is too large is taken")
	}
}

// A client has as many taken streams as the server would serve at once.
func TestMaxTaken(t *testing.T) {
	t.Parallel()
	s, client := pair(t)
	start(t, s, client)
	s.taken = maxTaken - 1
	claim := s.Claim()
	if claim == nil || s.Claim() != nil {
		t.Error("there is another limit")
	}
}

// When the server leaves in order, taken streams go on, and the client is answered.
func TestAlone(t *testing.T) {
	t.Parallel()
	s, client, taken := claimed(t)
	taken.Start(func() {}, func(f func()) { go f() })
	read := make(chan error, 1)
	go func() { // as the server does
		var err error
		for err == nil {
			_, err = s.Read(make([]byte, 100))
		}
		read <- err
	}()
	request := frame(typeHeaders, flagEndHeaders|flagEndStream, 3)
	send(t, client, request)
	goAway := appendGoAway(nil, 3, codeNo)
	redistest.Await(t, "the request", func() bool {
		s.mu.Lock()
		defer s.unlock()
		return s.newest == 3
	})
	send(t, s, frame(typeData, flagEndStream, 1), goAway)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := <-read; err == nil {
		t.Error("the server's read does not end")
	}
	_ = s.Close() // as net/http does, too
	if _, err := s.Write([]byte("more")); err == nil {
		t.Error("the server may still write")
	}
	receive(t, client, append(goAway, frame(typeRSTStream, 0, 3, number(codeInternal)...)...)) // nobody answers it any more
	writeSoon(t, taken, "on", false)
	receive(t, client, frame(typeData, 0, 1, []byte("on")...))
	send(t, client, frame(typePing, 0, 0, []byte("12345678")...), frame(typeSettings, 0, 0),
		frame(typeHeaders, flagEndHeaders, 5, 1, 2, 3), frame(typeData, 0, 5, []byte("body")...),
		frame(typePing, flagAck, 0, []byte("12345678")...), frame(0x70, 0, 0, 1))
	receive(t, client, frame(typePing, flagAck, 0, []byte("12345678")...))
	receive(t, client, frame(typeSettings, flagAck, 0))
	receive(t, client, frame(typeWindowUpdate, 0, 0, number(4)...))
	writeSoon(t, taken, "end", true)
	receive(t, client, frame(typeData, flagEndStream, 1, []byte("end")...))
	if _, err := client.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the connection does not end: %v", err)
	}
}

// Once the server has left, what it would refuse ends the connection all the same.
func TestAloneAbuse(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		frame []byte
		code  uint32
	}{
		"PING too short":           {frame(typePing, 0, 0, 1), codeFrameSize},
		"PING of a stream":         {frame(typePing, 0, 1, []byte("12345678")...), codeProtocol},
		"SETTINGS too short":       {frame(typeSettings, 0, 0, 1), codeFrameSize},
		"SETTINGS ack and payload": {frame(typeSettings, flagAck, 0, make([]byte, 6)...), codeFrameSize},
		"SETTINGS window":          {frame(typeSettings, 0, 0, 0, 4, 0xff, 0, 0, 0), codeFlowControl},
		"WINDOW_UPDATE too short":  {frame(typeWindowUpdate, 0, 1, 1), codeFrameSize},
		"WINDOW_UPDATE of nothing": {frame(typeWindowUpdate, 0, 0, number(0)...), codeProtocol},
		"WINDOW_UPDATE too much":   {frame(typeWindowUpdate, 0, 0, number(largestWindow)...), codeFlowControl},
		"RST_STREAM too long":      {frame(typeRSTStream, 0, 1, make([]byte, 5)...), codeFrameSize},
		"RST_STREAM of no stream":  {frame(typeRSTStream, 0, 0, make([]byte, 4)...), codeProtocol},
		"DATA of no stream":        {frame(typeData, 0, 0, 1), codeProtocol},
		"a frame too long":         {frame(typeData, 0, 1, make([]byte, largestRead+1)...), codeFrameSize},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, client, taken := claimed(t)
			over := make(chan struct{}, 10)
			taken.Start(func() { over <- struct{}{} }, func(f func()) { go f() })
			send(t, s, appendGoAway(nil, 1, codeNo))
			_ = s.Close()
			receive(t, client, appendGoAway(nil, 1, codeNo))
			go func() { _, _ = client.Write(test.frame) }() // it may be reset on the way
			receive(t, client, appendGoAway(nil, 1, test.code))
			<-over
			if !taken.IsOver() {
				t.Error("the stream goes on")
			}
		})
	}
}

// A client that does not read is no reason to wait, neither for taken streams nor for who
// wants the session.
func TestFullSocket(t *testing.T) {
	t.Parallel()
	s, client, taken := claimed(t)
	woken := make(chan struct{}, 1000)
	taken.Start(func() { woken <- struct{}{} }, func(f func()) { go f() })
	send(t, client, frame(typeWindowUpdate, 0, 0, number(1<<30)...), frame(typeWindowUpdate, 0, 1, number(1<<30)...))
	receive(t, s, frame(typeWindowUpdate, 0, 0, number(1<<30-largestReserve-24+48)...)[:headLen])
	_, _ = io.ReadFull(s, make([]byte, 4))
	_ = s.layer.SetWriteBuffer(1)
	part := make([]byte, 10_000)
	sent := 0
	var longest time.Duration
	for {
		began := time.Now()
		n, err := taken.Write([][]byte{part}, false)
		longest = max(longest, time.Since(began))
		if sent += n; err == ErrBlocked && len(woken) == 0 {
			if waiting, _ := s.layer.state(); waiting > 0 {
				break
			}
		}
		if err != nil && err != ErrBlocked || sent > 100<<20 {
			t.Fatalf("%d bytes, %v", sent, err)
		}
	}
	if waiting, _ := s.layer.state(); waiting > maxSealed+pieceSize+1000 {
		t.Errorf("%d bytes wait as ciphertext", waiting)
	}
	done := make(chan error, 1)
	go func() { _, err := s.Write(frame(typePing, 0, 0, make([]byte, 8)...)); done <- err }()
	redistest.Await(t, "the session, before the client reads", func() bool {
		had := s.mu.TryLock()
		if had {
			s.unlock()
		}
		return had
	})
	taken.Reset()
	if err := <-done; err == nil {
		t.Error("the server's write has gone through")
	}
	if _, err := io.Copy(io.Discard, client); err == nil {
		t.Error("the connection ends in order")
	}
	t.Logf("%d bytes, the longest write took %s", sent, longest)
}

// All frames of one connection go out together.
func TestTogether(t *testing.T) {
	t.Parallel()
	s, client, first := claimed(t)
	second := take(t, s, client, 3)
	var later []func()
	for _, taken := range []*Taken{first, second} {
		taken.Start(func() {}, func(f func()) { later = append(later, f) })
		if n, err := taken.Write([][]byte{[]byte("hello")}, false); n != 5 || err != nil {
			t.Fatal(n, err)
		}
	}
	if len(later) != 1 {
		t.Fatalf("it is to be written %d times", len(later))
	}
	later[0]()
	receive(t, client, append(frame(typeData, 0, 1, []byte("hello")...), frame(typeData, 0, 3, []byte("hello")...)...))
}

// The client, or the server, ends a taken stream.
func TestResets(t *testing.T) {
	t.Parallel()
	for _, byClient := range []bool{true, false} {
		s, client, taken := claimed(t)
		over := make(chan struct{}, 10)
		taken.Start(func() { over <- struct{}{} }, func(f func()) { go f() })
		reset := frame(typeRSTStream, 0, 1, number(codeCancel)...)
		if byClient {
			send(t, client, reset)
			receive(t, s, reset)
		} else {
			send(t, s, reset)
			receive(t, client, reset)
		}
		<-over
		if _, err := taken.Write([][]byte{{'x'}}, false); err != ErrOver || len(s.streams) > 0 {
			t.Errorf("%v, %v", err, s.streams)
		}
		if byClient { // the server may have been about to end it
			ping := frame(typePing, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8)
			send(t, s, frame(typeData, flagEndStream, 1), ping)
			receive(t, client, ping)
		}
	}
	// We end it: what the server then says of it does not reach the client.
	s, client, taken := claimed(t)
	taken.Start(func() {}, func(f func()) { go f() })
	taken.Reset()
	receive(t, client, frame(typeRSTStream, 0, 1, number(codeCancel)...))
	ping := frame(typePing, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8)
	send(t, s, frame(typeData, flagEndStream, 1), ping)
	receive(t, client, ping)
	if len(s.streams) > 0 {
		t.Error(s.streams)
	}
}

// A listener hands on what is not HTTP/2 with good TLS as it is.
func TestListener(t *testing.T) {
	t.Parallel()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln := Wrap(tls.NewListener(inner, serverConfig()))
	defer ln.Close()
	for name, test := range map[string]struct {
		config *tls.Config
		isH2   bool
	}{
		"HTTP/2":              {&tls.Config{NextProtos: []string{"h2"}}, true},
		"HTTP/2 with TLS 1.2": {&tls.Config{NextProtos: []string{"h2"}, MaxVersion: tls.VersionTLS12}, true},
		"a bad cipher": {&tls.Config{
			NextProtos: []string{"h2"}, MaxVersion: tls.VersionTLS12,
			CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA},
		}, false},
		"HTTP/1.1":  {&tls.Config{NextProtos: []string{"http/1.1"}}, false},
		"no choice": {&tls.Config{}, false},
	} {
		test.config.InsecureSkipVerify = true
		go func() {
			if c, err := tls.Dial("tcp", inner.Addr().String(), test.config); err == nil {
				_, _ = c.Read(make([]byte, 1))
				c.Close()
			}
		}()
		conn, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if _, isTLS := conn.(*tls.Conn); isTLS == test.isH2 || (Of(conn) != nil) != test.isH2 {
			t.Errorf("%s: %T", name, conn)
		}
		conn.Close()
	}
	plain, err := net.Dial("tcp", inner.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	send(t, plain, []byte("GET / HTTP/1.1\r\n\r\n"))
	if conn, err := ln.Accept(); err != nil || conn.(*tls.Conn).ConnectionState().HandshakeComplete {
		t.Errorf("in the clear: %v, %v", conn, err)
	}
	ln.Close()
	if _, err := ln.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
}

// What TLS answers a client that does not read, as to KeyUpdate after KeyUpdate, has a
// bound: then its connection ends.
func TestAnswersOfTLSAreBounded(t *testing.T) {
	t.Parallel()
	s, _ := pair(t)
	_ = s.layer.SetWriteBuffer(1)
	largest := 0
	for range 10_000 {
		if _, err := s.conn.Write(make([]byte, 10_000)); err != nil {
			t.Fatal(err)
		}
		waiting, err := s.layer.state()
		if largest = max(largest, waiting); err == nil {
			continue
		}
		if err != errFlood || largest > largestSealed || largest < largestSealed/2 {
			t.Errorf("%v, after %d bytes that waited", err, largest)
		}
		if _, err := s.Read(make([]byte, 1)); err == nil {
			t.Error("the connection goes on")
		}
		return
	}
	t.Errorf("it never ends; %d bytes waited at most", largest)
}
