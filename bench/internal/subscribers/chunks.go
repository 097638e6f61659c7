//go:build linux

package subscribers

import "fmt"

// chunks is a body in chunks: a stamp may be cut in two by the line between
// them, so this line has to go.
type chunks struct {
	subscriber *subscriber
	at         chunkPart
	size       int // of the chunk: what is known of it, or what is left
}

// chunkPart is a part of a chunk.
type chunkPart int

const (
	chunkSize chunkPart = iota
	chunkExtension
	chunkData
	chunkEnd
)

func (c *chunks) decode(b []byte) error {
	for len(b) > 0 {
		if c.at == chunkData {
			n := min(c.size, len(b))
			c.subscriber.read(b[:n])
			b = b[n:]
			if c.size -= n; c.size == 0 {
				c.at = chunkEnd
			}
			continue
		}
		if err := c.line(b[0]); err != nil {
			return err
		}
		b = b[1:]
	}
	return nil
}

// line takes a byte of what is not data.
func (c *chunks) line(b byte) error {
	switch {
	case b == '\n' && c.at == chunkEnd:
		c.at = chunkSize
	case b == '\n' && c.size == 0:
		return errEnded
	case b == '\n':
		c.at = chunkData
	case b == '\r', c.at == chunkExtension:
	case c.at == chunkEnd:
		return fmt.Errorf("a chunk goes on after its end: %q", b)
	case b == ';' || b == ' ':
		c.at = chunkExtension
	case '0' <= b && b <= '9':
		c.size = c.size<<4 | int(b-'0')
	case 'a' <= b|0x20 && b|0x20 <= 'f':
		c.size = c.size<<4 | int(b|0x20-'a'+10)
	default:
		return fmt.Errorf("a chunk's size has a %q", b)
	}
	return nil
}
