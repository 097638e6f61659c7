//go:build linux

package subscribers

import (
	"encoding/binary"
	"fmt"
	"io"

	"golang.org/x/net/http2"
)

const frameHead = 9

// frames is an HTTP/2 connection, cut anywhere: the bodies of its streams, and
// the few other frames that ask for an answer.
type frames struct {
	subscribers []*subscriber
	stream      io.Writer

	head    [frameHead]byte
	have    int    // bytes of head
	left    int    // bytes of the payload that are to come
	control []byte // the payload of a frame that has no data
}

func (f *frames) decode(b []byte) error {
	for len(b) > 0 {
		if f.have < frameHead {
			n := copy(f.head[f.have:], b)
			b = b[n:]
			if f.have += n; f.have < frameHead {
				return nil
			}
			f.left = int(binary.BigEndian.Uint32(f.head[:4]) >> 8)
		}
		n := min(f.left, len(b))
		if f.kind() == http2.FrameData {
			f.read(f.streamID(), b[:n])
		} else {
			f.control = append(f.control, b[:n]...)
		}
		b = b[n:]
		if f.left -= n; f.left > 0 {
			return nil
		}
		if err := f.finish(); err != nil {
			return err
		}
		f.have, f.control = 0, f.control[:0]
	}
	return nil
}

func (f *frames) kind() http2.FrameType { return http2.FrameType(f.head[3]) }

func (f *frames) streamID() uint32 { return binary.BigEndian.Uint32(f.head[5:]) &^ (1 << 31) }

// read gives a piece of a body to whom it is for.
func (f *frames) read(stream uint32, b []byte) {
	if i := int(stream-1) / 2; i < len(f.subscribers) {
		f.subscribers[i].read(b)
	}
}

// finish acts on a frame that is complete.
func (f *frames) finish() error {
	flags := http2.Flags(f.head[4])
	switch kind := f.kind(); kind {
	case http2.FrameSettings, http2.FramePing:
		if !flags.Has(http2.FlagPingAck) { // the same bit for both
			if kind == http2.FrameSettings {
				f.control = nil
			}
			return f.answer(kind, f.control)
		}
	case http2.FrameData, http2.FrameHeaders:
		if flags.Has(http2.FlagDataEndStream) { // the same bit for both
			return errEnded
		}
	case http2.FrameRSTStream, http2.FrameGoAway:
		return fmt.Errorf("the server ended it with a frame %v", kind)
	}
	return nil
}

// answer acknowledges a frame.
func (f *frames) answer(kind http2.FrameType, payload []byte) error {
	b := append([]byte{0, 0, byte(len(payload)), byte(kind), byte(http2.FlagPingAck), 0, 0, 0, 0}, payload...)
	_, err := f.stream.Write(b)
	return err
}
