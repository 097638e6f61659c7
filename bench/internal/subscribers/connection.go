//go:build linux

package subscribers

import (
	"crypto/tls"
	"errors"
	"io"
)

// A connection has one subscriber, or several of HTTP/2.
type connection struct {
	socket *socket
	stream io.ReadWriter // the socket, or TLS upon it
	body   decoder
}

// A decoder takes what has been read after the response's head, and gives the
// bodies in it to subscribers.
type decoder interface {
	decode(b []byte) error
}

var errEnded = errors.New("the server ended the response")

// open connects, sends the requests, and returns when all are answered.
func open(e *endpoint, i int, subscribers []*subscriber) (*connection, error) {
	s, err := dial(e, i)
	if err != nil {
		return nil, err
	}
	c := &connection{socket: s, stream: s}
	if err := c.subscribe(e, subscribers); err != nil {
		s.Close()
		return nil, err
	}
	return c, nil
}

func (c *connection) subscribe(e *endpoint, subscribers []*subscriber) (err error) {
	if e.tls {
		if err := c.shakeHands(e); err != nil {
			return err
		}
	}
	if e.HTTP2 {
		c.body, err = requestHTTP2(e, c.stream, subscribers)
	} else {
		c.body, err = requestHTTP1(e, c.stream, subscribers[0])
	}
	if err != nil {
		return err
	}
	return c.socket.poll()
}

func (c *connection) shakeHands(e *endpoint) error {
	protocol := "http/1.1"
	if e.HTTP2 {
		protocol = "h2"
	}
	secure := tls.Client(c.socket, &tls.Config{
		ServerName:         e.name,
		NextProtos:         []string{protocol},
		InsecureSkipVerify: true, //nolint:gosec // the server is on this machine, its certificate its own
	})
	if err := secure.Handshake(); err != nil {
		return err
	}
	if got := secure.ConnectionState().NegotiatedProtocol; got != protocol && (e.HTTP2 || got != "") {
		return errors.New("the server speaks " + got + ", not " + protocol)
	}
	c.stream = secure
	return nil
}

// receive takes what has arrived. The buffer is anyone's.
func (c *connection) receive(buffer []byte) error {
	c.socket.drained = false
	for {
		n, err := c.stream.Read(buffer)
		if errors.Is(err, errWouldBlock{}) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := c.body.decode(buffer[:n]); err != nil {
			return err
		}
		if c.stream == io.ReadWriter(c.socket) && n < len(buffer) {
			return nil
		}
	}
}
