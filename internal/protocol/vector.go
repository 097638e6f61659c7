package protocol

import (
	"hash/fnv"
	"math"
	"strings"
)

// MaxVector is how many channels' positions one event's ID can hold: with the
// IDs that Redis makes, of today, a vector of so many stays within the 128
// bytes up to which Fetch (section 2.2.2, CORS-safelisted request-header)
// counts a header as simple. Of the bytes that it excludes, a vector has none.
const MaxVector = 8

// A Vector is where a subscriber of several channels is in each: the ID of
// every event that it gets. In text it is
//
//	"~" tag position { "." tag position }
//
// in the order of the channels, where a tag is three digits made of the
// channel's name, and a position the entry's milliseconds and, after a "!", its
// number, unless that is 0. Digits are base64url's, the most significant first.
// A channel without a position is left out.
type Vector []Place

// A Place is a position in one channel, which is known by its tag.
type Place struct {
	Tag Tag
	ID  EntryID
}

// A Tag stands for a channel's name among those of one subscriber.
type Tag [3]byte

const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// ChannelTags are the tags of a subscriber's channels. Where two of them would have
// the same, both get another, whatever their order.
func ChannelTags(channels []string) []Tag {
	tags := make([]Tag, len(channels))
	count := make(map[Tag]int)
	for i, c := range channels {
		tags[i] = channelTag(c, 0)
		count[tags[i]]++
	}
	for salt := byte(1); len(count) < len(channels) && salt < 100; salt++ {
		again := make(map[Tag]int)
		for i, c := range channels {
			if count[tags[i]] > 1 {
				tags[i] = channelTag(c, salt)
			}
			again[tags[i]]++
		}
		count = again
	}
	return tags
}

// channelTag is a tag of the channel: the salts each give another.
func channelTag(channel string, salt byte) Tag {
	h := fnv.New32a()
	if salt > 0 {
		h.Write([]byte{salt}) // first, since an end in common keeps hashes equal
	}
	h.Write([]byte(channel))
	n := h.Sum32()
	n ^= n >> 18
	return Tag{digits[n&63], digits[n>>6&63], digits[n>>12&63]}
}

// String is the vector as an event's ID.
func (v Vector) String() string {
	b := make([]byte, 0, 16*len(v))
	for i, p := range v {
		if i == 0 {
			b = append(b, '~')
		} else {
			b = append(b, '.')
		}
		b = append(b, p.Tag[:]...)
		b = appendDigits(b, p.ID.Ms)
		if p.ID.Seq > 0 {
			b = appendDigits(append(b, '!'), p.ID.Seq)
		}
	}
	return string(b)
}

// ParseVector reads a vector of at most [MaxVector] places.
func ParseVector(s string) (v Vector, ok bool) {
	s, ok = strings.CutPrefix(s, "~")
	if !ok {
		return nil, false
	}
	for more := true; more; {
		var part string
		part, s, more = strings.Cut(s, ".")
		if len(part) < len(Tag{}) || len(v) == MaxVector {
			return nil, false
		}
		p := Place{Tag: Tag([]byte(part[:3]))}
		ms, seq, _ := strings.Cut(part[3:], "!")
		var ok1, ok2 bool
		p.ID.Ms, ok1 = parseDigits(ms)
		p.ID.Seq, ok2 = parseDigits(seq)
		if !ok1 || !ok2 {
			return nil, false
		}
		v = append(v, p)
	}
	return v, true
}

func appendDigits(b []byte, n uint64) []byte {
	shift := 60
	for shift > 0 && n>>shift == 0 {
		shift -= 6
	}
	for ; shift >= 0; shift -= 6 {
		b = append(b, digits[n>>shift&63])
	}
	return b
}

// parseDigits reads what appendDigits writes; nothing is 0.
func parseDigits(s string) (n uint64, ok bool) {
	for i := range len(s) {
		d := strings.IndexByte(digits, s[i])
		if d < 0 || n > math.MaxUint64>>6 {
			return 0, false
		}
		n = n<<6 | uint64(d)
	}
	return n, true
}

// At is the position in the channel of that tag, if the vector has one.
func (v Vector) At(tag Tag) (id EntryID, ok bool) {
	for _, p := range v {
		if p.Tag == tag {
			return p.ID, true
		}
	}
	return EntryID{}, false
}
