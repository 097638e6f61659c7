package hub

import (
	"encoding/binary"
	"strconv"
	"strings"

	"github.com/cespare/xxhash/v2"
)

// A chain gives a live channel's events their hashes, by which other gateways know
// them: all receive the same events in the same order. A hash has 8 digits of the
// payload, and 4 of what came before it, so that equal payloads are told apart by a
// gateway that has received that, too. Gateways begin to receive at different times, so
// about one payload in 16 begins the chain again, and from there on they agree.
type chain struct{ sum uint64 }

const (
	payloadDigits = 8
	beforeDigits  = 4
	bitsPerDigit  = 5
	anewEvery     = 16
)

// add is the hash of the next event.
func (c *chain) add(channel, payload string) string {
	var d xxhash.Digest
	_, _ = d.WriteString(channel) // it cannot fail
	_, _ = d.Write([]byte{0})
	_, _ = d.WriteString(payload)
	own := d.Sum64()
	if own%anewEvery == 0 {
		c.sum = 0
	}
	var link [16]byte
	binary.LittleEndian.PutUint64(link[:], c.sum)
	binary.LittleEndian.PutUint64(link[8:], own)
	c.sum = xxhash.Sum64(link[:])
	return text(own, payloadDigits) + text(c.sum, beforeDigits)
}

// text is the upper bits of a sum as so many digits.
func text(sum uint64, digits int) string {
	s := strconv.FormatUint(sum>>(64-digits*bitsPerDigit), 1<<bitsPerDigit)
	return strings.Repeat("0", digits-len(s)) + s
}

// payloadHash is the part of a hash that is of the payload alone; empty if it has
// none.
func payloadHash(hash string) string { return hash[:min(len(hash), payloadDigits)] }

func (r *record) payloadHash() string { return payloadHash(r.hash) }

func (id liveID) payloadHash() string { return payloadHash(id.hash) }
