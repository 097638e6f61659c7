package eventstream

// A Frame is encoded once, and its bytes are shared by all who get it: nobody
// changes them.
type Frame struct {
	bytes []byte
}

// NewFrame makes a frame of b, which it keeps.
func NewFrame(b []byte) *Frame { return &Frame{bytes: b} }

// Frame encodes the event.
func (e Event) Frame() *Frame {
	// The field names and line ends of a one-line event come to 40 bytes.
	return NewFrame(e.Append(make([]byte, 0, len(e.ID)+len(e.Type)+len(e.Data)+40)))
}

// Bytes are the frame's bytes in text/event-stream.
func (f *Frame) Bytes() []byte { return f.bytes }

// Len is the number of those bytes.
func (f *Frame) Len() int { return len(f.bytes) }
