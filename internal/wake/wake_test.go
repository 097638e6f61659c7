package wake_test

import (
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/wake"
)

func TestSignal(t *testing.T) {
	t.Parallel()
	isSet := func(s wake.Signal) bool {
		select {
		case <-s:
			return true
		default:
			return false
		}
	}
	s := wake.New()
	if isSet(s) {
		t.Error("a new signal is set")
	}
	s.Set()
	s.Set()
	if !isSet(s) || isSet(s) {
		t.Error("a signal that was set twice does not wake once")
	}
	s.Set()
	if s.Clear(); isSet(s) {
		t.Error("a signal that was cleared wakes")
	}
	if s.Clear(); isSet(nil) {
		t.Error("a signal that is nil wakes")
	}
}
