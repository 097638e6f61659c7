//go:build linux

package subscribers

import (
	"errors"
	"fmt"
	"testing"

	"github.com/caddy-sse/caddy-sse/bench/internal/stamp"
)

// Wherever reads cut the body, and wherever chunks cut a stamp, it is counted.
func TestChunksCutAnywhere(t *testing.T) {
	payload := string(stamp.Stamp{Phase: 1, Number: 0}.Payload(40))
	body := fmt.Sprintf("7\r\ndata: @\r\n3;x=1\r\n\n%s\r\n%X\r\n%s\n\n\r\n", payload[:2], len(payload), payload[2:])
	for cut := range len(body) {
		s := &subscriber{of: 1, worker: &worker{tally: tally{phase: 1}}}
		d := &chunks{subscriber: s}
		for _, piece := range []string{body[:cut], body[cut:]} {
			if err := d.decode([]byte(piece)); err != nil {
				t.Fatal(err)
			}
		}
		if s.count != 1 {
			t.Fatalf("cut at %d: %d", cut, s.count)
		}
		if err := d.decode([]byte("0\r\n\r\n")); !errors.Is(err, errEnded) {
			t.Fatal("the end is not seen: ", err)
		}
	}
	if err := (&chunks{}).decode([]byte("data")); err == nil {
		t.Error("a body without chunks is taken")
	}
}
