package transport

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"reflect"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"weak"
)

var tlsVersions = map[string]uint16{"TLS 1.2": tls.VersionTLS12, "TLS 1.3": tls.VersionTLS13}

func eachVersion(t *testing.T, test func(*testing.T, uint16)) {
	t.Parallel()
	for name, version := range tlsVersions {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, version)
		})
	}
}

func someOptions() *Options {
	return &Options{Pending: 4 << 20, WriteTimeout: time.Minute, Written: new(atomic.Uint64)}
}

// Whatever the socket takes at once, the client gets all, in order, and a clean end;
// what waits as ciphertext is bounded, and the loop does not wait.
func TestTLSInPieces(t *testing.T) {
	eachVersion(t, func(t *testing.T, version uint16) {
		s := newTLSServer(t, someOptions())
		client, _ := s.client(version)
		out, ended := s.accept()
		var want strings.Builder
		send := func(text string) {
			want.WriteString(text)
			out.Send(frameOf(text))
		}
		var written bool
		s.run(func() {
			for i := range 300 {
				send(strings.Repeat(string(rune('a'+i%26)), 1+i*7))
			}
			send(strings.Repeat("large", 200<<10))
			send("last")
			out.WhenWritten(func() { written = true })
			out.Flush()
		})
		var waited bool
		got := make([]byte, want.Len())
		for had := 0; had < len(got); {
			s.run(func() {
				if written != out.isWritten() {
					t.Errorf("called when written: %t, with %d bytes waiting", written, out.Waiting())
				}
				sealed := len(out.tls.sealed)
				waited = waited || sealed > 0 && out.pending > 0
				if sealed > tlsPiece+1024 || out.Waiting() != out.pending+sealed {
					t.Errorf("%d bytes are encrypted, %d wait, %d of them in frames", sealed, out.Waiting(), out.pending)
				}
			})
			n, err := io.ReadAtLeast(client, got[had:min(len(got), had+7000)], 1)
			if err != nil {
				t.Fatalf("after %d bytes: %v", had, err)
			}
			had += n
		}
		if string(got) != want.String() {
			t.Error("it is not what was sent")
		}
		if !waited {
			t.Error("the client was never slow")
		}
		over := errors.New("over")
		s.await(t, "all written", out.isWritten)
		s.run(func() { out.Close(over) })
		if rest, err := io.ReadAll(client); len(rest) > 0 || err != nil {
			t.Errorf("at the end: %q, %v", rest, err)
		}
		if e := awaitEnd(t, ended); e.Reason != over || e.Bytes != int64(want.Len()) || s.options.Written.Load() != uint64(want.Len()) {
			t.Errorf("%+v and %d written, not %d bytes", e, s.options.Written.Load(), want.Len())
		}
		if longest := time.Duration(s.longest.Load()); longest > time.Second {
			t.Errorf("the loop was busy for %s", longest)
		}
	})
}

// What is encrypted and not taken counts for the limit.
func TestTLSCiphertextIsPending(t *testing.T) {
	eachVersion(t, func(t *testing.T, version uint16) {
		o := someOptions()
		o.Pending = 256 << 10
		s := newTLSServer(t, o)
		_, tcp := s.client(version)
		out, ended := s.accept()
		var most int
		for range 4000 {
			s.run(func() {
				out.Send(frameOf(strings.Repeat("x", 4<<10)))
				out.Flush()
				most = max(most, out.Waiting())
			})
		}
		if e := awaitEnd(t, ended); e.Reason != ErrSlow {
			t.Error(e.Reason)
		}
		if most > o.Pending {
			t.Errorf("%d bytes have waited", most)
		}
		// In the middle of a record there is no goodbye.
		if _, err := io.Copy(io.Discard, tcp); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the client reads: %v", err)
		}
	})
}

func TestTLSStalled(t *testing.T) {
	eachVersion(t, func(t *testing.T, version uint16) {
		o := someOptions()
		o.WriteTimeout = 300 * time.Millisecond
		s := newTLSServer(t, o)
		s.client(version)
		out, ended := s.accept()
		s.run(func() {
			out.Send(frameOf(strings.Repeat("x", 4<<20)))
			out.Flush()
		})
		if e := awaitEnd(t, ended); e.Reason != ErrStalled {
			t.Error(e.Reason)
		}
	})
}

// A client that says that it leaves has left, though its connection is there: later, or
// in the same breath as the request.
func TestTLSCloseNotify(t *testing.T) {
	eachVersion(t, func(t *testing.T, version uint16) {
		s := newTLSServer(t, someOptions())
		client, _ := s.client(version)
		_, ended := s.accept()
		_ = client.CloseWrite()
		if e := awaitEnd(t, ended); e.Reason != ErrLeft {
			t.Error(e.Reason)
		}
		s.client(version, (*tls.Conn).CloseWrite)
		_, ended = s.accept()
		if e := awaitEnd(t, ended); e.Reason != ErrLeft {
			t.Error(e.Reason)
		}
	})
}

// What cannot be decrypted ends the subscription, and the client is told why.
func TestTLSGarbage(t *testing.T) {
	eachVersion(t, func(t *testing.T, version uint16) {
		s := newTLSServer(t, someOptions())
		client, tcp := s.client(version)
		_, ended := s.accept()
		_, _ = tcp.Write(append([]byte{23, 3, 3, 0, 64}, make([]byte, 64)...))
		if e := awaitEnd(t, ended); !errors.Is(e.Reason, ErrLeft) || !strings.Contains(e.Reason.Error(), "bad record MAC") {
			t.Error(e.Reason)
		}
		var refused *net.OpError
		if _, err := client.Read(make([]byte, 1)); !errors.As(err, &refused) || refused.Op != "remote error" {
			t.Errorf("the client reads: %v", err)
		}
	})
}

// A client that sends data, or more than it has to say, is not read any more, costs no
// memory for it, and gets its events.
func TestTLSOfWhoTalks(t *testing.T) {
	half := []byte{21, 3, 3, 0, 64, 1, 2, 3}
	for name, c := range map[string]struct {
		send   func(*tls.Conn, *net.TCPConn)
		isDeaf bool
	}{
		"data": {func(c *tls.Conn, _ *net.TCPConn) { _, _ = c.Write(make([]byte, 20<<10)) }, true},
		"the beginning of a large record": {func(_ *tls.Conn, c *net.TCPConn) {
			_, _ = c.Write(append([]byte{23, 3, 3, 64, 0}, make([]byte, 100)...))
		}, true},
		"half a record": {func(_ *tls.Conn, c *net.TCPConn) { _, _ = c.Write(half) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			eachVersion(t, func(t *testing.T, version uint16) {
				s := newTLSServer(t, someOptions())
				client, tcp := s.client(version)
				out, ended := s.accept()
				go c.send(client, tcp) // it blocks when nobody reads
				s.await(t, "an answer to what was sent", func() bool {
					return out.tls.deaf || !c.isDeaf && out.tls.toRead <= maxTLSRead-len(half)
				})
				s.run(func() {
					if out.tls.deaf != c.isDeaf {
						t.Errorf("it is read no more: %t", out.tls.deaf)
					}
					if size := tlsHas.inputSize(out.tls.conn); size > maxTLSInput || c.isDeaf && size > 0 {
						t.Errorf("what was read takes %d bytes", size)
					}
					out.Send(frameOf("event"))
					out.Flush()
				})
				got := make([]byte, 5)
				if _, err := io.ReadFull(client, got); err != nil || string(got) != "event" {
					t.Errorf("%q, %v", got, err)
				}
				tcp.Close()
				if e := awaitEnd(t, ended); e.Reason != ErrLeft {
					t.Error(e.Reason)
				}
			})
		})
	}
}

// A subscription keeps neither the configuration under which it came, nor what was
// needed to read its handshake and request.
func TestTLSKeepsNoConfiguration(t *testing.T) {
	eachVersion(t, func(t *testing.T, version uint16) {
		s := newTLSServer(t, someOptions())
		client, _ := s.client(version)
		s.config.ClientAuth = tls.RequireAnyClientCert
		config := s.config.Clone()
		s.config.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return config, nil }
		old, inner := weak.Make(s.config), weak.Make(config)
		out, _ := s.accept()
		s.await(t, "no memory for what is read", func() bool { return tlsHas.inputSize(out.tls.conn) == 0 })
		if state := out.tls.conn.ConnectionState(); state.PeerCertificates != nil || *tlsHas.exporter.Of(out.tls.conn) != nil {
			t.Error("what the handshake has found out is kept")
		}
		s.config, config = nil, nil
		for began := time.Now(); old.Value() != nil || inner.Value() != nil; runtime.GC() {
			if time.Since(began) > 20*time.Second {
				t.Fatal("the configuration is kept")
			}
		}
		s.run(func() {
			out.Send(frameOf("event"))
			out.Flush()
		})
		got := make([]byte, 5)
		if _, err := io.ReadFull(client, got); err != nil || string(got) != "event" {
			t.Errorf("%q, %v", got, err)
		}
	})
}

// All that is leant on is there in the Go that runs this, and works.
func TestTLSFields(t *testing.T) {
	t.Parallel()
	if !tlsHas.isAllKnown() {
		t.Errorf("not all is known: %+v", tlsHas)
	}
	if err := tlsHas.check(); err != nil {
		t.Error(err)
	}
}

// Where a field has another name or type, it is left alone.
func TestTLSFieldsOfAnotherGo(t *testing.T) {
	t.Parallel()
	unexported := func(name string, t reflect.Type) reflect.StructField {
		return reflect.StructField{Name: name, PkgPath: "crypto/tls", Type: t}
	}
	another := reflect.StructOf([]reflect.StructField{
		unexported("conn", reflect.TypeFor[*net.TCPConn]()),
		unexported("rawInput", reflect.TypeFor[*bytes.Buffer]()),
		unexported("received", reflect.TypeFor[bytes.Buffer]()),
	})
	has := findTLSFields(another)
	c := new(tls.Conn)
	if has.conn.Of(c) != nil || has.config.Of(c) != nil || has.rawInput.Of(c) != nil || has.hand.Of(c) != nil || has.input.Of(c) != nil {
		t.Errorf("a field is known: %+v", has)
	}
	has.dropInput(c, true)
	has.dropState(c)
	if err := has.check(); err == nil {
		t.Error("a connection that is not known can be taken over")
	}
}

// Where TLS connections are not known, they stay with the HTTP server.
func TestTLSFallback(t *testing.T) {
	before := takesTLS
	takesTLS = func() bool { return false }
	t.Cleanup(func() { takesTLS = before })
	if got := Expected(1, true); got != responseInfo {
		t.Errorf("expected is %+v", got)
	}
	r := httptest.NewRequest("GET", "/", nil)
	conn, _ := net.Pipe()
	r = r.WithContext(connContext(r.Context(), tls.Server(conn, nil)))
	if takeOver(httptest.NewRecorder(), r) != nil {
		t.Error("a connection was taken over")
	}
}
