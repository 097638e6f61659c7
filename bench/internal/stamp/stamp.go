// Package stamp makes the messages that are published, and knows them again in
// whatever a server makes of them: each carries a stamp of fixed length that is
// found without parsing the events around it.
package stamp

import "bytes"

// A Stamp says of a message when it was sent, and which one it is.
type Stamp struct {
	// Phase tells the messages of the warm-up from those that count.
	Phase uint8
	// Sent is when it was published, by [Now].
	Sent int64
	// Number counts the messages of a phase, over all channels, from 0.
	Number uint32
}

// Len is the length of a stamp: a mark at either end of three numbers.
const Len = 1 + 2 + 16 + 8 + 1

const (
	mark   = '@'
	digits = "0123456789abcdef"
)

// Payload is a message of that size, which is at least [Len].
func (s Stamp) Payload(size int) []byte {
	b := make([]byte, 0, max(size, Len))
	b = append(b, mark)
	b = appendHex(b, uint64(s.Phase), 2)
	b = appendHex(b, uint64(s.Sent), 16)
	b = appendHex(b, uint64(s.Number), 8)
	b = append(b, mark)
	for len(b) < size {
		b = append(b, 'x')
	}
	return b
}

// Find returns the first stamp in b, and what follows it. Without one, rest is
// the end of b that may be the begin of one.
func Find(b []byte) (s Stamp, rest []byte, ok bool) {
	for {
		i := bytes.IndexByte(b, mark)
		if i < 0 {
			return s, nil, false
		}
		b = b[i:]
		if len(b) < Len {
			return s, b, false
		}
		if s, ok := parse(b); ok {
			return s, b[Len:], true
		}
		b = b[1:]
	}
}

func parse(b []byte) (Stamp, bool) {
	phase, ok1 := parseHex(b[1:3])
	sent, ok2 := parseHex(b[3:19])
	number, ok3 := parseHex(b[19:27])
	return Stamp{Phase: uint8(phase), Sent: int64(sent), Number: uint32(number)}, ok1 && ok2 && ok3 && b[27] == mark
}

func appendHex(b []byte, n uint64, width int) []byte {
	for shift := 4 * (width - 1); shift >= 0; shift -= 4 {
		b = append(b, digits[n>>shift&15])
	}
	return b
}

func parseHex(b []byte) (n uint64, ok bool) {
	for _, c := range b {
		switch {
		case '0' <= c && c <= '9':
			n = n<<4 | uint64(c-'0')
		case 'a' <= c && c <= 'f':
			n = n<<4 | uint64(c-'a'+10)
		default:
			return 0, false
		}
	}
	return n, true
}
