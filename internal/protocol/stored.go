package protocol

import (
	"strconv"
	"strings"
)

// A Stored is what the publishing script says to a channel together with the
// entry that it adds to the channel's history, so that gateways need not read
// the entry from Redis. It is, in bytes,
//
//	NUL "sse1 " id " " previous-id { " " length } LF { name or value }
//
// with the ID of the entry, that of the one before it (0-0 if there is none),
// the length in bytes of each of the entry's names and values, and these, with
// nothing in between. The 1 is the version. No text begins with NUL, so that it
// is not taken for something else.
type Stored struct {
	Entry
	Previous EntryID
}

const storedPrefix = "\x00sse1 "

// ParseStored reads what the script says; ok is false for any other payload.
func ParseStored(payload string) (s Stored, ok bool) {
	rest, ok := strings.CutPrefix(payload, storedPrefix)
	if !ok {
		return Stored{}, false
	}
	head, body, ok := strings.Cut(rest, "\n")
	words := strings.Split(head, " ")
	if !ok || len(words) < 2 || len(words)%2 != 0 {
		return Stored{}, false
	}
	id, ok1 := ParseEntryID(words[0])
	previous, ok2 := ParseEntryID(words[1])
	if !ok1 || !ok2 {
		return Stored{}, false
	}
	fields := make([]string, 0, len(words)-2)
	for _, word := range words[2:] {
		n, err := strconv.ParseUint(word, 10, 31)
		if err != nil || int(n) > len(body) {
			return Stored{}, false
		}
		fields = append(fields, body[:n])
		body = body[n:]
	}
	if body != "" {
		return Stored{}, false
	}
	return Stored{Entry{id, fields}, previous}, true
}
