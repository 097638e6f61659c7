package protocol

import (
	"cmp"
	"math"
	"strconv"
	"strings"
)

// An EntryID is the ID of an entry of a Redis stream: the milliseconds of its
// time, and a number among those of the same millisecond. The zero value comes
// before every entry.
type EntryID struct {
	Ms, Seq uint64
}

// ParseEntryID reads an ID like 1526919030474-55, as Redis writes it. What clients
// send is for [ParseShortEntryID].
func ParseEntryID(s string) (id EntryID, ok bool) {
	ms, seq, _ := strings.Cut(s, "-")
	id.Ms, _ = strconv.ParseUint(ms, 10, 64)
	id.Seq, _ = strconv.ParseUint(seq, 10, 64)
	if id.String() != s { // whatever was wrong, or another way to write it
		return EntryID{}, false
	}
	return id, true
}

// ParseShortEntryID reads an ID as a client may send it: as Redis writes it, or
// short, as its commands take it, where 1526919030474 is 1526919030474-0.
func ParseShortEntryID(s string) (id EntryID, ok bool) {
	if id, ok = ParseEntryID(s); ok {
		return id, true
	}
	return ParseEntryID(s + "-0")
}

// String is the ID as Redis writes it.
func (id EntryID) String() string {
	b := strconv.AppendUint(make([]byte, 0, 24), id.Ms, 10)
	return string(strconv.AppendUint(append(b, '-'), id.Seq, 10))
}

// Compare is negative if id comes before other, positive if after.
func (id EntryID) Compare(other EntryID) int {
	return cmp.Or(cmp.Compare(id.Ms, other.Ms), cmp.Compare(id.Seq, other.Seq))
}

// Before is the ID right before id.
func (id EntryID) Before() EntryID {
	switch {
	case id.Seq > 0:
		return EntryID{id.Ms, id.Seq - 1}
	case id.Ms > 0:
		return EntryID{id.Ms - 1, math.MaxUint64}
	}
	return id
}
