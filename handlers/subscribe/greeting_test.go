package subscribe_test

import (
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
)

// The greeting carries the ID, so that a client that takes none without data comes
// back to what it has missed.
func TestTheGreetingCarriesTheID(t *testing.T) {
	g, server := gatewaytest.StartWithRedis(t, `http://{$ADDR} {
	sse_subscribe /live live {
		greeting
		linger 1m
	}
	sse_subscribe /kept kept {
		greeting
		history
	}
	sse_subscribe /both kept also {
		greeting
		history
	}
}`)
	server.Add("kept", "5-0", "before")
	for _, path := range []string{"/live", "/kept", "/both"} {
		s := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), "http://"+g.Addr+path)
		s.Await("\nid: ")
		s.Await("\nevent: sse.open\ndata: {}\n\n")
		id := s.NewestID()
		if got := s.Text(); len(got) > 200 || got[len(got)-len("\nevent: sse.open\ndata: {}\n\n")-len(id):] != id+"\nevent: sse.open\ndata: {}\n\n" {
			t.Errorf("%s begins with %q", path, got)
		}
		s.Leave()
		server.Add("kept", "*", "missed at "+path)
		server.Do("PUBLISH", "live", "missed at "+path)
		gatewaytest.ComeBack(t, g, path, id).Await("data: missed at " + path + "\n\n")
	}
}
