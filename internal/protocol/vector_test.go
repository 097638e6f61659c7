package protocol_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	. "github.com/caddy-sse/caddy-sse/internal/protocol"
)

// unsafe are the bytes that no CORS-safelisted request-header has (Fetch,
// section 2.2.2).
const unsafe = "\"():<>?@[\\]{}\x7f"

func TestVector(t *testing.T) {
	for _, ids := range [][]EntryID{
		{{}},
		{{1, 0}, {0, 1}},
		{{math.MaxUint64, math.MaxUint64}, {63, 64}, {4095, 4096}},
	} {
		var v Vector
		for i, id := range ids {
			v = append(v, Place{ChannelTags([]string{fmt.Sprint("chat:", i)})[0], id})
		}
		if got, ok := ParseVector(v.String()); !ok || !slices.Equal(got, v) {
			t.Errorf("%v came back from %s as %v", v, v, got)
		}
	}
	for _, bad := range []string{"", "~", "~ab", "abcA", "~abcA.", "~abc:", "~abc!é", "~abc" + strings.Repeat("_", 12), "~" + strings.Repeat("abcA.", 8) + "abcA"} {
		if got, ok := ParseVector(bad); ok {
			t.Errorf("%q was read as %v", bad, got)
		}
	}
}

// Channels of one subscriber are told apart, in whatever order they stand.
func TestTagsOfOneSubscriberDiffer(t *testing.T) {
	byTag := make(map[Tag]string)
	found := 0
	for i := 0; found < 5; i++ {
		name := fmt.Sprint("chat:", i)
		tag := ChannelTags([]string{name})[0]
		other := byTag[tag]
		byTag[tag] = name
		if other == "" {
			continue
		}
		found++
		tags := ChannelTags([]string{name, "third", other})
		turned := ChannelTags([]string{other, name, "third"})
		if tags[0] == tags[2] || tags[0] != turned[1] || tags[2] != turned[0] || tags[1] != ChannelTags([]string{"third"})[0] {
			t.Errorf("%s and %s have the tags %s and %s", name, other, tags, turned)
		}
	}
}

// No browser asks for leave (a preflight) to send such an ID to another origin,
// until the year 2109.
func TestVectorIsASimpleHeader(t *testing.T) {
	var v Vector
	for i := range MaxVector {
		v = append(v, Place{ChannelTags([]string{fmt.Sprint("chat:", i)})[0], EntryID{1<<42 - 1, 1<<24 - 1}})
	}
	id := v.String()
	if len(id) > 128 || strings.ContainsAny(id, unsafe) {
		t.Errorf("%s has %d bytes", id, len(id))
	}
	for _, r := range id {
		if r < ' ' || r > '~' {
			t.Errorf("%s holds %q", id, r)
		}
	}
}

func FuzzVector(f *testing.F) {
	f.Add("~abcB6!C.defA")
	f.Fuzz(func(t *testing.T, s string) {
		v, ok := ParseVector(s)
		if again, _ := ParseVector(v.String()); ok && !slices.Equal(v, again) {
			t.Errorf("%s came back as %s", v, again)
		}
	})
}
