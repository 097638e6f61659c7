package protocol

import (
	"strconv"
	"strings"
)

// Entries that were stored together are said together, as
//
//	NUL "sse1+" { " " length } LF { what is said of one, see [Stored] }
//
// with the length in bytes of what is said of each, and nothing in between.
const batchPrefix = "\x00sse1+"

// StoredPayload is what to publish when the entries, one at least, were added after that
// one, in this order.
func StoredPayload(previous EntryID, entries []Entry) string {
	if len(entries) == 1 {
		return string(appendStored(nil, previous, entries[0]))
	}
	var head, body []byte
	head = append(head, batchPrefix...)
	for _, e := range entries {
		before := len(body)
		body = appendStored(body, previous, e)
		head = strconv.AppendInt(append(head, ' '), int64(len(body)-before), 10)
		previous = e.ID
	}
	return string(append(append(head, '\n'), body...))
}

func appendStored(b []byte, previous EntryID, e Entry) []byte {
	b = append(b, storedPrefix...)
	b = append(append(append(b, e.ID.String()...), ' '), previous.String()...)
	for _, f := range e.Fields {
		b = strconv.AppendInt(append(b, ' '), int64(len(f)), 10)
	}
	b = append(b, '\n')
	for _, f := range e.Fields {
		b = append(b, f...)
	}
	return b
}

// SplitStored is what is said of each of several entries; ok is false for any other
// payload.
func SplitStored(payload string) (each []string, ok bool) {
	rest, ok := strings.CutPrefix(payload, batchPrefix)
	if !ok {
		return nil, false
	}
	head, body, ok := strings.Cut(rest, "\n")
	if !ok {
		return nil, false
	}
	for word := range strings.SplitSeq(strings.TrimPrefix(head, " "), " ") {
		n, err := strconv.ParseUint(word, 10, 31)
		if err != nil || int(n) > len(body) {
			return nil, false
		}
		each = append(each, body[:n])
		body = body[n:]
	}
	return each, body == ""
}
