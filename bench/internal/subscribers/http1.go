//go:build linux

package subscribers

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// requestHTTP1 subscribes by HTTP/1.1, as a browser does.
func requestHTTP1(e *endpoint, stream io.ReadWriter, s *subscriber) (decoder, error) {
	back := ""
	if e.LastEventID != "" {
		back = "Last-Event-ID: " + e.LastEventID + "\r\n"
	}
	_, err := fmt.Fprintf(stream, "GET %s HTTP/1.1\r\nHost: %s\r\nAccept: text/event-stream\r\nCache-Control: no-cache\r\n%s\r\n",
		e.path(s.channelName()), e.host, back)
	if err != nil {
		return nil, err
	}
	const most = 16 << 10
	head := make([]byte, 0, most)
	for {
		n, err := stream.Read(head[len(head):most])
		if err != nil {
			return nil, fmt.Errorf("no response: %w", err)
		}
		head = head[:len(head)+n]
		if end := bytes.Index(head, []byte("\r\n\r\n")); end >= 0 {
			d, err := bodyHTTP1(head[:end], s)
			if err != nil {
				return nil, err
			}
			return d, d.decode(head[end+4:])
		}
		if len(head) == most {
			return nil, errors.New("the response's head has no end")
		}
	}
}

// bodyHTTP1 is the decoder of the body that follows that head.
func bodyHTTP1(head []byte, s *subscriber) (decoder, error) {
	status, fields, _ := bytes.Cut(head, []byte("\r\n"))
	if !bytes.HasPrefix(status, []byte("HTTP/1.1 200")) {
		return nil, fmt.Errorf("the server answers %q", status)
	}
	if bytes.Contains(bytes.ToLower(fields), []byte("transfer-encoding: chunked")) {
		return &chunks{subscriber: s}, nil
	}
	return plain{s}, nil
}

// plain is a body that lasts as long as its connection.
type plain struct{ *subscriber }

func (p plain) decode(b []byte) error {
	p.read(b)
	return nil
}
