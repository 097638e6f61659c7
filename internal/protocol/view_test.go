package protocol_test

import (
	"testing"

	. "github.com/caddy-sse/caddy-sse/internal/eventstream"
	. "github.com/caddy-sse/caddy-sse/internal/protocol"
)

func TestView(t *testing.T) {
	text, err := Payload(`{"data":"hi"}`).Event(View{Type: "note"})
	if want := (Event{Type: "note", Data: `{"data":"hi"}`}); err != nil || text != want {
		t.Errorf("got %+v, %v", text, err)
	}
	named, err := Payload(`{"event":"like","data":"hi"}`).Event(View{Format: JSON, Type: "note"})
	if want := (Event{Type: "like", Data: "hi"}); err != nil || named != want {
		t.Errorf("got %+v, %v", named, err)
	}
	if _, err := ParseFormat("xml"); err == nil {
		t.Error("xml is a format")
	}
}
