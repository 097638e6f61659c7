package http2

import (
	"sync"

	"golang.org/x/net/http2/hpack"
)

// A headerBlock follows the client's header blocks (RFC 9113, section 4.3). They refer to
// those before, which a server that comes later has not seen (RFC 7541, section 2.3.2): it
// gets them encoded again, so that they refer to nothing.
type headerBlock struct {
	decoder *hpack.Decoder
	broken  bool // what the client has sent is no header block

	isOpen   bool // there is more to come, and nothing else may
	encoded  *encoded
	stream   uint32
	flags    byte // of HEADERS
	size     int  // bytes of the block so far, with the heads of its frames
	limit    int  // of the list of fields
	skip     int  // bytes before the fragment
	pad      int  // bytes after it
	isPadded bool // the first byte is how many
	left     int  // bytes of the frame
}

// An encoded is a header block that is encoded again.
type encoded struct {
	encoder  *hpack.Encoder
	block    []byte
	size     int // of the list of fields (RFC 9113, section 6.5.2)
	priority []byte
}

// Write is for the encoder.
func (e *encoded) Write(p []byte) (int, error) {
	e.block = append(e.block, p...)
	return len(p), nil
}

var encodeds = sync.Pool{New: func() any {
	e := &encoded{}
	e.encoder = hpack.NewEncoder(e)
	e.encoder.SetMaxDynamicTableSize(0)
	return e
}}

const (
	defaultTableSize = 4096 // of HPACK
	// defaultListSize is Go's limit of a list of fields, unless the server says another.
	defaultListSize = 1 << 20
)

// begin begins a frame of a header block: HEADERS, or CONTINUATION after it.
func (b *headerBlock) begin(h head, isAnew bool, server *settings) {
	if b.left = h.length; h.kind == typeHeaders {
		b.beginBlock(h, isAnew, server)
	}
	b.skip, b.pad, b.isPadded = 0, 0, false
	if h.kind == typeHeaders && h.has(flagPadded) {
		b.skip, b.isPadded = 1, true
	}
	if h.kind == typeHeaders && h.has(flagPriority) {
		b.skip += 5
	}
	b.size += headLen + h.length
	b.isOpen = true
	if h.has(flagEndHeaders) {
		b.flags |= flagEndHeaders
	}
}

func (b *headerBlock) beginBlock(h head, isAnew bool, server *settings) {
	if b.decoder == nil {
		b.decoder = hpack.NewDecoder(defaultTableSize, nil)
		if server.known&(1<<settingHeaderTableSize) != 0 {
			b.decoder.SetAllowedMaxDynamicTableSize(server.values[settingHeaderTableSize])
		}
	}
	b.limit = defaultListSize
	if server.known&(1<<settingMaxHeaderListSize) != 0 {
		b.limit = int(min(server.values[settingMaxHeaderListSize], 1<<30))
	}
	b.decoder.SetMaxStringLength(b.limit)
	b.stream, b.flags, b.size = h.stream, h.flags&^flagEndHeaders, 0
	if b.decoder.SetEmitEnabled(isAnew); isAnew {
		b.encoded = encodeds.Get().(*encoded)
		b.decoder.SetEmitFunc(b.take)
	}
}

// take encodes a field again. One more than the limit allows is what the server has to
// see, to refuse the request.
func (b *headerBlock) take(f hpack.HeaderField) {
	_ = b.encoded.encoder.WriteField(f) // it writes into memory
	if b.encoded.size += int(f.Size()); b.encoded.size > b.limit {
		b.decoder.SetEmitEnabled(false)
	}
}

// note takes what comes of the frame.
func (b *headerBlock) note(p []byte) {
	for len(p) > 0 && b.skip > 0 {
		switch {
		case b.isPadded:
			b.isPadded, b.pad = false, int(p[0])
		case b.encoded != nil:
			b.encoded.priority = append(b.encoded.priority, p[0])
		}
		p = p[1:]
		b.skip--
		b.left--
	}
	n := min(len(p), max(0, b.left-b.pad))
	b.left -= len(p)
	if n > 0 && !b.broken {
		_, err := b.decoder.Write(p[:n])
		b.broken = err != nil
	}
}

// isDone reports whether the frame that was the block's last is here as a whole, and ends
// the block then.
func (b *headerBlock) isDone() bool {
	if b.left > 0 || b.flags&flagEndHeaders == 0 || !b.isOpen {
		return false
	}
	b.isOpen = false
	if !b.broken && b.decoder.Close() != nil {
		b.broken = true
	}
	return true
}

// isTooLong reports whether Go's server would not read on.
func (b *headerBlock) isTooLong() bool { return b.size > 2*b.limit+4096 }

// appendEncoded appends the frames of the block that is encoded again.
func (b *headerBlock) appendEncoded(to []byte) []byte {
	e := b.encoded
	h := head{kind: typeHeaders, flags: b.flags &^ (flagPadded | flagEndHeaders), stream: b.stream}
	if len(e.priority) < 5 {
		e.priority = e.priority[:0]
		h.flags &^= flagPriority
	}
	rest := e.block
	for isFirst := true; isFirst || len(rest) > 0; isFirst = false {
		part := rest[:min(len(rest), smallestFrameSize-len(e.priority))]
		rest = rest[len(part):]
		if h.length = len(part); isFirst {
			h.length += len(e.priority)
		}
		if len(rest) == 0 {
			h.flags |= flagEndHeaders
		}
		to = h.append(to)
		if isFirst {
			to = append(to, e.priority...)
		}
		to = append(to, part...)
		h.kind, h.flags = typeContinuation, 0
	}
	return to
}

// forget lets go of what was encoded again.
func (b *headerBlock) forget() {
	e := b.encoded
	if b.encoded = nil; e == nil {
		return
	}
	if b.decoder != nil {
		b.decoder.SetEmitFunc(nil)
	}
	if e.block, e.priority, e.size = e.block[:0], e.priority[:0], 0; cap(e.block) <= smallestFrameSize {
		encodeds.Put(e)
	}
}
