package http2

import "encoding/binary"

// settings are those of one side (RFC 9113, section 6.5): the newest value of each that
// was said.
type settings struct {
	values [largestSetting + 1]uint32
	known  uint16 // a bit a setting
}

// note takes the payload of SETTINGS.
func (s *settings) note(payload []byte) {
	for ; len(payload) >= 6; payload = payload[6:] {
		if id := binary.BigEndian.Uint16(payload); id <= largestSetting {
			s.values[id] = binary.BigEndian.Uint32(payload[2:])
			s.known |= 1 << id
		}
	}
}

// append appends SETTINGS that say all of them.
func (s *settings) append(b []byte) []byte {
	at := len(b)
	b = append(b, make([]byte, headLen)...)
	for id, value := range s.values {
		if s.known&(1<<id) != 0 {
			b = binary.BigEndian.AppendUint16(b, uint16(id))
			b = binary.BigEndian.AppendUint32(b, value)
		}
	}
	head{length: len(b) - at - headLen, kind: typeSettings}.append(b[:at])
	return b
}
