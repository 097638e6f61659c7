package handlers_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
)

const resumeSite = `http://{$ADDR} {
	sse_subscribe /h/* {path.1} {
		history
	}
	sse_subscribe /last/* {path.1} {
		history last 3 max 5
	}
	sse_subscribe /both a b {
		history
	}
	sse_publish /say/* {path.1} {
		store
	}
	sse_subscribe /live/* {path.1} {
		linger 1m
	}
}`

func TestHistoryIsReplayedOnceAndInOrder(t *testing.T) {
	g, server := start(t, resumeSite)
	var want strings.Builder
	for i := range 300 {
		fmt.Fprintf(&want, "id: %d-1\ndata: event %d\n\n", i+1, i+1)
		server.Do("XADD", "chat", fmt.Sprint(i+1, "-1"), "data", fmt.Sprint("event ", i+1))
	}
	s := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), "http://"+g.Addr+"/h/chat?lastEventId=0-0")
	s.Await("event 300\n\n")
	server.Do("XADD", "chat", "301-1", "data", "live")
	s.Await("id: 301-1\ndata: live\n\n")
	gatewaytest.Do(t, "POST", "http://"+g.Addr+"/say/chat", "by the script")
	s.Await("data: by the script\n\n")
	if got := s.Text(); !strings.Contains(got, want.String()+"id: 301-1\n") {
		t.Errorf("got %s", got)
	}
}
