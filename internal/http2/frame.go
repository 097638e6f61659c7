// Package http2 stands between a client's HTTP/2 connection and Go's HTTP/2 server. It
// knows where frames begin and end, so that a response which the server has begun can go
// on without it: who has taken a stream writes its DATA straight to the connection, and
// the handler returns. Requests, limits and everything that clients may do wrong stay the
// server's, which sees all frames but those that concern the taken streams alone.
//
// The connection has one window for all streams (RFC 9113, section 5.2.1). The server is
// told of a part of it only; see [ledger].
package http2

import "encoding/binary"

// Types of frames (RFC 9113, section 6).
const (
	typeData         = 0x0
	typeHeaders      = 0x1
	typePriority     = 0x2
	typeRSTStream    = 0x3
	typeSettings     = 0x4
	typePushPromise  = 0x5
	typePing         = 0x6
	typeGoAway       = 0x7
	typeWindowUpdate = 0x8
	typeContinuation = 0x9

	typePriorityUpdate = 0x10 // RFC 9218, section 7.1
)

// Flags of frames.
const (
	flagEndStream  = 0x1
	flagAck        = 0x1 // of SETTINGS and PING
	flagEndHeaders = 0x4
	flagPadded     = 0x8
	flagPriority   = 0x20
)

// Error codes (RFC 9113, section 7).
const (
	codeNo          = 0x0
	codeProtocol    = 0x1
	codeInternal    = 0x2
	codeFlowControl = 0x3
	codeClosed      = 0x5 // STREAM_CLOSED
	codeFrameSize   = 0x6
	codeRefused     = 0x7 // REFUSED_STREAM
	codeCancel      = 0x8
	codeCompression = 0x9
	codeCalm        = 0xb // ENHANCE_YOUR_CALM
)

// Settings (RFC 9113, section 6.5.2).
const (
	settingHeaderTableSize   = 0x1
	settingEnablePush        = 0x2
	settingInitialWindowSize = 0x4
	settingMaxFrameSize      = 0x5
	settingMaxHeaderListSize = 0x6
	settingEnableConnect     = 0x8
	// largestSetting is the largest that is known (RFC 8441, RFC 9218).
	largestSetting = 0x9
)

const (
	preface           = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	headLen           = 9
	defaultWindow     = 65_535
	largestWindow     = 1<<31 - 1
	smallestFrameSize = 16 << 10 // that every client takes
	// largestRead is the largest payload that Go's server takes.
	largestRead = 1 << 20
)

// A head is that of a frame (RFC 9113, section 4.1).
type head struct {
	length int
	kind   byte
	flags  byte
	stream uint32
}

func parseHead(b []byte) head {
	return head{
		length: int(b[0])<<16 | int(b[1])<<8 | int(b[2]),
		kind:   b[3],
		flags:  b[4],
		stream: binary.BigEndian.Uint32(b[5:]) & largestWindow,
	}
}

func (h head) has(flag byte) bool { return h.flags&flag != 0 }

// append appends the head as it is sent.
func (h head) append(b []byte) []byte {
	b = append(b, byte(h.length>>16), byte(h.length>>8), byte(h.length), h.kind, h.flags)
	return binary.BigEndian.AppendUint32(b, h.stream)
}

// appendFrame appends a frame whose payload is one number.
func appendFrame(b []byte, kind byte, stream, payload uint32) []byte {
	b = head{length: 4, kind: kind, stream: stream}.append(b)
	return binary.BigEndian.AppendUint32(b, payload)
}

// appendGoAway appends the end of a connection.
func appendGoAway(b []byte, last, code uint32) []byte {
	b = head{length: 8, kind: typeGoAway}.append(b)
	b = binary.BigEndian.AppendUint32(b, last)
	return binary.BigEndian.AppendUint32(b, code)
}
