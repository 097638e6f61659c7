package presence_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
)

// What is no UTF-8 does not get into the list that all read.
func TestPresenceIsUTF8(t *testing.T) {
	g, _ := gatewaytest.StartWithRedis(t, `http://{$ADDR} {
	sse_subscribe /live room:1 {
		presence {query.user} {query.info}
	}
	sse_subscribe /named room:1 {
		presence {query.user} `+"`"+`{"name":"{query.info}"}`+"`"+`
	}
	sse_presence /who room:1
}`)
	base := "http://" + g.Addr
	for _, path := range []string{"/live?user=a&info=%FF", "/live?user=a&info=%22%FF%22", "/live?user=a&info={%22%C3%22:1}", "/live?user=%FF&info=1", "/named?user=a&info=%FF"} {
		r, _ := gatewaytest.Do(t, "HEAD", base+path, "", "Accept: text/event-stream")
		if r.StatusCode != 400 || r.Header.Get("Sse-Error") == "" {
			t.Errorf("%s: %s", path, r.Status)
		}
	}
	s := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), base+"/live?user=%C3%A4&info=%22%C3%B6%22")
	s.AwaitData(`event: sse.join`)
	_, body := gatewaytest.Do(t, "GET", base+"/who", "", "Accept: application/json")
	if !utf8.ValidString(body) || !json.Valid([]byte(body)) || !strings.Contains(body, `"id":"ä"`) || !strings.Contains(body, `"info":"ö"`) {
		t.Errorf("the list is %q", body)
	}
}
