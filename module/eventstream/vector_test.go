package eventstream_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	. "github.com/caddy-sse/caddy-sse/module/eventstream"
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
			v = append(v, Place{ChannelTag(fmt.Sprint("chat:", i)), id})
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

// No browser asks for leave (a preflight) to send such an ID to another origin,
// until the year 2109.
func TestVectorIsASimpleHeader(t *testing.T) {
	var v Vector
	for i := range MaxVector {
		v = append(v, Place{ChannelTag(fmt.Sprint("chat:", i)), EntryID{1<<42 - 1, 1<<24 - 1}})
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
