package eventstream

import (
	"strconv"
	"time"
)

// A Frame is encoded once, and its bytes are shared by all who get it: nobody
// changes them. It holds its HTTP/1.1 chunk (RFC 9112, section 7.1) around its
// bytes in text/event-stream, so that either is at hand.
type Frame struct {
	chunk []byte
	head  int // the length of the chunk's own head
}

const (
	maxChunkHead = 18 // 16 hexadecimal digits and a line end
	chunkTail    = "\r\n"
)

// NewFrame makes a frame of the bytes that fill appends.
func NewFrame(size int, fill func(dst []byte) []byte) *Frame {
	b := make([]byte, maxChunkHead, maxChunkHead+size+len(chunkTail))
	b = fill(b)
	// The head stands right before the bytes; what is left before it is unused.
	var digits [maxChunkHead]byte
	head := append(strconv.AppendUint(digits[:0], uint64(len(b)-maxChunkHead), 16), chunkTail...)
	start := maxChunkHead - len(head)
	copy(b[start:], head)
	return &Frame{chunk: append(b, chunkTail...)[start:], head: len(head)}
}

// Frame encodes the event.
func (e Event) Frame() *Frame {
	// The field names and line ends of a one-line event come to 40 bytes.
	return NewFrame(len(e.ID)+len(e.Type)+len(e.Data)+40, e.Append)
}

// RetryFrame sets the browser's reconnection time, as the last thing that is
// said: a blank line follows, without which some clients take no notice.
func RetryFrame(d time.Duration) *Frame {
	return NewFrame(32, func(b []byte) []byte { return append(AppendRetry(b, d), '\n') })
}

// IDFrame sets the browser's last event ID without an event (HTML Standard,
// section 9.2.6: it is set before an empty data buffer ends the dispatch).
func IDFrame(id string) *Frame {
	return NewFrame(len(id)+6, func(b []byte) []byte { return append(appendField(b, "id: ", id), '\n') })
}

// IDLine is the ID of the event whose frame comes next.
func IDLine(id string) *Frame {
	return NewFrame(len(id)+5, func(b []byte) []byte { return appendField(b, "id: ", id) })
}

// Bytes are the frame's bytes in text/event-stream.
func (f *Frame) Bytes() []byte { return f.chunk[f.head : len(f.chunk)-len(chunkTail)] }

// Chunk are the same bytes as an HTTP/1.1 chunk.
func (f *Frame) Chunk() []byte { return f.chunk }

// Len is the number of bytes in text/event-stream.
func (f *Frame) Len() int { return len(f.chunk) - f.head - len(chunkTail) }
