package eventstream_test

import (
	"strings"
	"testing"

	. "github.com/caddy-sse/caddy-sse/internal/eventstream"
)

// BenchmarkEncode is what it costs to encode an event, once for all its subscribers.
func BenchmarkEncode(b *testing.B) {
	for _, event := range []struct{ name, data string }{
		{"200B", strings.Repeat("x", 200)}, {"10KiB", strings.Repeat("x", 10<<10)}, {"lines", strings.Repeat("a line\n", 100)},
	} {
		b.Run(event.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(event.data)))
			e := Event{ID: "1526919030474-55", Type: "message", Data: event.data}
			for b.Loop() {
				e.Frame()
			}
		})
	}
}
