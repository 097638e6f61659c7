package torture

import (
	"io"
	"net"
	"testing"
	"time"
)

// linkRate is how many bytes a second come over the slow link: 100 Mbit/s.
const linkRate = 100_000_000 / 8

// slowLink returns an address that leads to another, at so many bytes a second
// for all connections from there together.
func slowLink(t *testing.T, to string, rate int) (addr string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	tokens := make(chan struct{}) // each is a piece of so many bytes
	go func() {
		for range time.Tick(time.Duration(piece) * time.Second / time.Duration(rate)) {
			select {
			case tokens <- struct{}{}:
			case <-t.Context().Done():
				return
			}
		}
	}()
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			go relay(near, to, tokens)
		}
	}()
	return listener.Addr().String()
}

// piece is how many bytes pass a slow link at once.
const piece = 16 << 10

// relay passes one connection on, until either end closes it.
func relay(near net.Conn, to string, tokens <-chan struct{}) {
	defer near.Close()
	far, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer far.Close()
	go func() {
		_, _ = io.Copy(far, near) // an error ends the connection, as its end does
		far.Close()
	}()
	buffer := make([]byte, piece)
	for {
		n, err := far.Read(buffer)
		if n > 0 {
			<-tokens
			if _, err := near.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
