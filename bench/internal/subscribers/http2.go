//go:build linux

package subscribers

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// requestHTTP2 subscribes by HTTP/2: the subscriber i on stream 2i+1.
func requestHTTP2(e *endpoint, stream io.ReadWriter, subscribers []*subscriber) (decoder, error) {
	var out bytes.Buffer
	framer := http2.NewFramer(&out, stream)
	if err := writeOpening(&out, framer, e, subscribers); err != nil {
		return nil, err
	}
	if _, err := stream.Write(out.Bytes()); err != nil {
		return nil, err
	}
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	body := &frames{subscribers: subscribers, stream: stream}
	for heads := 0; heads < len(subscribers); {
		frame, err := framer.ReadFrame()
		if err != nil {
			return nil, fmt.Errorf("no response: %w", err)
		}
		switch frame := frame.(type) {
		case *http2.MetaHeadersFrame:
			if status := frame.PseudoValue("status"); status != "200" {
				return nil, fmt.Errorf("the server answers %s", status)
			}
			heads++
		case *http2.DataFrame:
			body.read(frame.StreamID, frame.Data())
		case *http2.SettingsFrame:
			if !frame.IsAck() {
				err = body.answer(http2.FrameSettings, nil)
			}
		case *http2.PingFrame:
			if !frame.IsAck() {
				err = body.answer(http2.FramePing, frame.Data[:])
			}
		case *http2.RSTStreamFrame:
			err = fmt.Errorf("the server refuses a stream: %v", frame.ErrCode)
		case *http2.GoAwayFrame:
			err = fmt.Errorf("the server refuses the connection: %v", frame.ErrCode)
		}
		if err != nil {
			return nil, err
		}
	}
	return body, nil
}

// writeOpening writes what begins the connection, and all requests. The windows
// are as large as they can be, so that nothing has to be said of them later:
// a browser's are large, too.
func writeOpening(out *bytes.Buffer, framer *http2.Framer, e *endpoint, subscribers []*subscriber) error {
	const initialWindow = 65535
	out.WriteString(http2.ClientPreface)
	err := errors.Join(
		framer.WriteSettings(
			http2.Setting{ID: http2.SettingEnablePush, Val: 0},
			http2.Setting{ID: http2.SettingInitialWindowSize, Val: math.MaxInt32},
		),
		framer.WriteWindowUpdate(0, math.MaxInt32-initialWindow),
	)
	scheme := "http"
	if e.tls {
		scheme = "https"
	}
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for i, s := range subscribers {
		block.Reset()
		for _, field := range []hpack.HeaderField{
			{Name: ":method", Value: "GET"},
			{Name: ":scheme", Value: scheme},
			{Name: ":authority", Value: e.host},
			{Name: ":path", Value: e.path(s.channelName())},
			{Name: "accept", Value: "text/event-stream"},
			{Name: "cache-control", Value: "no-cache"},
			{Name: "last-event-id", Value: e.LastEventID},
		} {
			if field.Value == "" {
				continue
			}
			err = errors.Join(err, encoder.WriteField(field))
		}
		err = errors.Join(err, framer.WriteHeaders(http2.HeadersFrameParam{
			StreamID:      uint32(2*i + 1),
			BlockFragment: block.Bytes(),
			EndStream:     true,
			EndHeaders:    true,
		}))
	}
	return err
}
