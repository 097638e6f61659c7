package protocol_test

import (
	"testing"

	. "github.com/caddy-sse/caddy-sse/internal/eventstream"
	. "github.com/caddy-sse/caddy-sse/internal/protocol"
)

func TestGap(t *testing.T) {
	one := &Gap{Channel: "chat:1", Reason: Unknown}
	two := &Gap{Channel: "chat:2", Reason: Reset, From: "1-0", To: "2-0"}
	for want, frame := range map[string]*Frame{
		`{"channel":"chat:1","reason":"unknown","from":"","to":"","channels":["chat:1"]}`:              one.Frame("7"),
		`{"channel":"chat:2","reason":"reset","from":"1-0","to":"2-0","channels":["chat:2","chat:1"]}`: GapsFrame([]*Gap{two, one}, "7"),
	} {
		if got := string(frame.Bytes()); got != "id: 7\nevent: sse.gap\ndata: "+want+"\n\n" {
			t.Errorf("got %q", got)
		}
	}
}
