package blackbox_test

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// Types and flags of frames (RFC 9113, section 6).
const (
	h2Data, h2Headers, h2Priority, h2RST, h2Settings, h2Push, h2Ping, h2GoAway, h2Window, h2Continuation = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9

	h2EndStream, h2Ack, h2EndHeaders, h2Padded = 1, 1, 4, 8
)

// A rawHTTP2 is a client that writes frames as a test has them.
type rawHTTP2 struct {
	net.Conn
	t testing.TB
}

// NetConn is the connection beneath TLS.
func (c *rawHTTP2) NetConn() net.Conn {
	if conn, ok := c.Conn.(*tls.Conn); ok {
		return conn.NetConn()
	}
	return c.Conn
}

func frame(kind, flags byte, stream uint32, payload ...byte) []byte {
	n := len(payload)
	b := []byte{byte(n >> 16), byte(n >> 8), byte(n), kind, flags}
	return append(binary.BigEndian.AppendUint32(b, stream), payload...)
}

func number(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }

func setting(id uint16, value uint32) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint16(nil, id), value)
}

// get is a header block (RFC 7541) of a request for an event stream.
func get(path string) []byte {
	b := []byte{0x82, 0x87} // :method GET, :scheme https
	for name, value := range map[byte]string{4: path, 1: "127.0.0.1"} {
		b = append(append(b, name, byte(len(value))), value...)
	}
	const accept = "text/event-stream"
	return append(append(b, 0x0f, 19-15, byte(len(accept))), accept...)
}

// dialHTTP2 says the preface, and what more.
func dialHTTP2(t testing.TB, g *gatewaytest.Gateway, settings ...byte) *rawHTTP2 {
	t.Helper()
	conn, err := tls.Dial("tcp", g.Addr, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}}) //nolint:gosec // a test's own certificate
	if err != nil {
		t.Fatal(err)
	}
	return beginHTTP2(t, conn, settings...)
}

// dialH2C does the same in the clear.
func dialH2C(t testing.TB, g *gatewaytest.Gateway, settings ...byte) *rawHTTP2 {
	t.Helper()
	conn, err := net.Dial("tcp", g.Addr)
	if err != nil {
		t.Fatal(err)
	}
	return beginHTTP2(t, conn, settings...)
}

func beginHTTP2(t testing.TB, conn net.Conn, settings ...byte) *rawHTTP2 {
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second)) // a read tells
	c := &rawHTTP2{conn, t}
	c.send([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), frame(h2Settings, 0, 0, settings...))
	return c
}

func (c *rawHTTP2) send(frames ...[]byte) {
	_, _ = c.Write(bytes.Join(frames, nil)) // what is read tells
}

// read reads a frame.
func (c *rawHTTP2) read() (kind, flags byte, stream uint32, payload []byte, err error) {
	var h [9]byte
	if _, err = io.ReadFull(c, h[:]); err != nil {
		return 0, 0, 0, nil, err
	}
	payload = make([]byte, int(h[0])<<16|int(h[1])<<8|int(h[2]))
	_, err = io.ReadFull(c, payload)
	return h[3], h[4], binary.BigEndian.Uint32(h[5:]), payload, err
}

// awaitData reads until the stream has brought the text.
func (c *rawHTTP2) awaitData(stream uint32, text string) string {
	c.t.Helper()
	var got strings.Builder
	for !strings.Contains(got.String(), text) {
		kind, _, id, payload, err := c.read()
		if err != nil {
			c.t.Fatalf("awaiting %q: %v after %q", text, err, got.String())
		}
		if kind == h2Data && id == stream {
			got.Write(payload)
		}
		if kind == h2GoAway || kind == h2RST {
			c.t.Fatalf("awaiting %q: frame %d, stream %d: %x", text, kind, id, payload)
		}
	}
	return got.String()
}

// answer is how the server answers to what was sent: which streams it ends, and whether
// the connection.
func (c *rawHTTP2) answer() string {
	c.send(frame(h2Ping, 0, 0, []byte("the-last")...))
	var all []string
	for {
		kind, flags, stream, payload, err := c.read()
		switch {
		case errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed):
			all = append(all, "closed")
		case err != nil:
			all = append(all, "closed") // by a reset: not all was read
		case kind == h2RST:
			all = append(all, fmt.Sprintf("stream %d: %d", stream, binary.BigEndian.Uint32(payload)))
			continue
		case kind == h2GoAway:
			code := binary.BigEndian.Uint32(payload[4:])
			all = append(all, fmt.Sprintf("connection, last %d: %d", binary.BigEndian.Uint32(payload), code))
			if code == 0 {
				continue
			}
		case kind == h2Data && flags&h2EndStream != 0:
			all = append(all, fmt.Sprintf("stream %d ends", stream))
			continue
		case kind == h2Ping && flags&h2Ack != 0 && string(payload) == "the-last":
		default:
			continue
		}
		return strings.Join(all, ", ")
	}
}

// Whatever a client does wrong, it gets the same answer whether its subscription goes on
// without the HTTP server or not, also when no server has the connection, or a stricter one.
func TestHTTP2Abuse(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	var plain, wrapped, inTheClear *gatewaytest.Gateway
	for _, w := range ways {
		switch w.name {
		case "HTTP2":
			plain = w.start(t, server, "")
		case "HTTP2 without the server":
			wrapped = w.start(t, server, "")
		case "h2c without the server":
			inTheClear = w.start(t, server, "")
		}
	}
	padded := func(pad byte, rest ...byte) []byte { return append([]byte{pad}, rest...) }
	many := func(n int, f []byte) []byte { return bytes.Repeat(f, n) }
	for _, test := range []struct {
		name     string
		frames   []byte
		stricter string // instead of what Go's server answers
	}{
		{"nothing", nil, ""},
		{"WINDOW_UPDATE of the stream", frame(h2Window, 0, 1, number(1000)...), ""},
		{"WINDOW_UPDATE of the stream, zero", frame(h2Window, 0, 1, number(0)...), ""},
		{"WINDOW_UPDATE of the stream, too much", frame(h2Window, 0, 1, number(1<<31-1)...), ""},
		{"WINDOW_UPDATE of the stream, too short", frame(h2Window, 0, 1, 0, 0, 1), ""},
		{"WINDOW_UPDATE of the stream, too long", frame(h2Window, 0, 1, 0, 0, 0, 1, 0), ""},
		{"WINDOW_UPDATE of the connection", frame(h2Window, 0, 0, number(1)...), ""},
		{"WINDOW_UPDATE of the connection, zero", frame(h2Window, 0, 0, number(0)...), ""},
		{"WINDOW_UPDATE of the connection, too much", frame(h2Window, 0, 0, number(1<<31-1)...), ""},
		{"WINDOW_UPDATE of the connection, too much at twice", many(2, frame(h2Window, 0, 0, number(1<<30)...)), ""},
		{"WINDOW_UPDATE of the connection, too short", frame(h2Window, 0, 0, 1), ""},
		{"WINDOW_UPDATE of an idle stream", frame(h2Window, 0, 9, number(1)...), ""},
		{"WINDOW_UPDATE with the reserved bit", frame(h2Window, 0, 1, number(1<<31|5)...), ""},
		{"DATA", frame(h2Data, 0, 1, 'x'), ""},
		{"DATA, empty, the end", frame(h2Data, h2EndStream, 1), ""},
		{"DATA of an idle stream", frame(h2Data, 0, 9, 'x'), ""},
		{"DATA of the connection", frame(h2Data, 0, 0, 'x'), ""},
		{"DATA, padded", frame(h2Data, h2Padded, 1, padded(3, 'x', 0, 0, 0)...), ""},
		{"DATA, padded too much", frame(h2Data, h2Padded, 1, padded(9, 'x')...), ""},
		{"RST_STREAM", frame(h2RST, 0, 1, number(8)...), ""},
		{"RST_STREAM, twice", many(2, frame(h2RST, 0, 1, number(8)...)), ""},
		{"RST_STREAM, too short", frame(h2RST, 0, 1, 0, 0, 8), ""},
		{"RST_STREAM, too long", frame(h2RST, 0, 1, 0, 0, 0, 8, 0), ""},
		{"RST_STREAM of an idle stream", frame(h2RST, 0, 9, number(8)...), ""},
		{"RST_STREAM of the connection", frame(h2RST, 0, 0, number(8)...), ""},
		{"HEADERS of the stream", frame(h2Headers, h2EndHeaders|h2EndStream, 1, get("/events/b")...), "connection, last 1: 1"},
		{"HEADERS of a lower stream", slices.Concat(frame(h2Headers, h2EndHeaders|h2EndStream, 7, get("/none")...), frame(h2Headers, h2EndHeaders|h2EndStream, 5, get("/none")...)), ""},
		{"HEADERS of an even stream", frame(h2Headers, h2EndHeaders|h2EndStream, 2, get("/none")...), ""},
		{"HEADERS of the connection", frame(h2Headers, h2EndHeaders|h2EndStream, 0, get("/none")...), ""},
		{"HEADERS that are none", frame(h2Headers, h2EndHeaders|h2EndStream, 3, 0xff, 0xff, 0xff), ""},
		{"HEADERS without an end, then PING", slices.Concat(frame(h2Headers, h2EndStream, 3, get("/none")...), frame(h2Ping, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8)), ""},
		{"CONTINUATION of nothing", frame(h2Continuation, h2EndHeaders, 1), ""},
		{"CONTINUATION, a flood", slices.Concat(frame(h2Headers, h2EndStream, 3, get("/none")...), many(300, frame(h2Continuation, 0, 3, bytes.Repeat([]byte{0x0f, 4, 200, 'x'}, 1)...))), ""},
		{"PRIORITY of itself", frame(h2Priority, 0, 1, 0, 0, 0, 1, 1), ""},
		{"PRIORITY, too short", frame(h2Priority, 0, 1, 0, 0, 0), ""},
		{"SETTINGS", frame(h2Settings, 0, 0, setting(4, 100)...), ""},
		{"SETTINGS of the stream", frame(h2Settings, 0, 1), ""},
		{"SETTINGS, of a wrong length", frame(h2Settings, 0, 0, 1, 2, 3), ""},
		{"SETTINGS, an answer with a payload", frame(h2Settings, h2Ack, 0, setting(4, 100)...), ""},
		{"SETTINGS, a window too large", frame(h2Settings, 0, 0, setting(4, 1<<31)...), ""},
		{"SETTINGS, a frame too large", frame(h2Settings, 0, 0, setting(5, 1<<24)...), ""},
		{"SETTINGS, a frame too small", frame(h2Settings, 0, 0, setting(5, 100)...), ""},
		{"SETTINGS, a larger frame", frame(h2Settings, 0, 0, setting(5, 1<<20)...), ""},
		{"SETTINGS that overflow the stream's window", slices.Concat(frame(h2Window, 0, 1, number(1<<30)...), frame(h2Settings, 0, 0, setting(4, 1<<30+70000)...)), "connection, last 1: 3"},
		{"SETTINGS, many", many(500, frame(h2Settings, 0, 0, setting(4, 100)...)), ""},
		{"PING of the stream", frame(h2Ping, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8), ""},
		{"PING, too short", frame(h2Ping, 0, 0, 1), ""},
		{"PING, many", many(1000, frame(h2Ping, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8)), ""},
		{"GOAWAY of the stream", frame(h2GoAway, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0), ""},
		{"GOAWAY, too short", frame(h2GoAway, 0, 0, 0, 0), ""},
		{"GOAWAY", frame(h2GoAway, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), ""},
		{"PUSH_PROMISE", frame(h2Push, h2EndHeaders, 1, 0, 0, 0, 2), ""},
		{"an unknown frame", frame(0x70, 0xff, 1, 1, 2, 3), ""},
		{"a frame too long", frame(h2Data, 0, 1, make([]byte, 1<<20+1)...), ""},
		{"no HTTP", []byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var answers [4]string
			for i, g := range []*gatewaytest.Gateway{plain, wrapped, wrapped, inTheClear} {
				dial := dialHTTP2
				if g == inTheClear {
					dial = dialH2C
				}
				c := dial(t, g)
				c.send(frame(h2Headers, h2EndHeaders|h2EndStream, 1, get("/events/a")...))
				c.awaitData(1, "retry")
				if i == 2 {
					time.Sleep(300 * time.Millisecond) // no server has it any more
				}
				c.send(test.frames)
				answers[i] = c.answer()
			}
			want := answers[0]
			if test.stricter != "" {
				want = test.stricter
			}
			for i, way := range []string{1: "live", 2: "parked", 3: "live, in the clear"} {
				want := want
				if test.name == "CONTINUATION, a flood" && i == 2 {
					want = "connection, last 1: 1" // the server gets nothing of the stream
				}
				// What comes before the stream is taken is answered by the server.
				isEarly := i != 2 && test.stricter != "" && answers[i] == answers[0]
				if i > 0 && answers[i] != want && !isEarly {
					t.Errorf("the answer is %q, not %q (%q), %s", answers[i], want, answers[0], way)
				}
			}
		})
	}
}
