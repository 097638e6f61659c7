package blackbox_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
)

// Nobody who sends a value can say more than the value.
func TestValuesForgeNothing(t *testing.T) {
	app, _ := newCounter(t)
	g, _ := gatewaytest.StartWithRedis(t, `http://{$ADDR} {
	sse_subscribe /live chat:1 {
		format json
	}
	sse_subscribe /hello chat:1 {
		greeting `+"`"+`{"hello":"{query.name}","by":"gateway"}`+"`"+`
	}
	sse_publish /say chat:1 {
		format json
		data `+"`"+`{"event":"say","data":{"from":"{header.X-User}","text":"{query.m}"}}`+"`"+`
	}
	sse_publish /bare chat:1 {
		format json
		data `+"`"+`{"data":{"from":"{header.X-User}","text":{query.m}}}`+"`"+`
	}
	sse_publish /answer chat:1 {
		from_response
		format json
		data `+"`"+`{"event":"saved","data":{"q":"{query.m}"}}`+"`"+`
	}
	reverse_proxy `+app+`
}`)
	base := "http://" + g.Addr
	live := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), base+"/live")
	for _, m := range []string{`","from":"admin","x":"`, `"},"event":"kick","retry":86400000,"data":{"x":"`, `he said "hi"`, `1},"event":"kick","data":{"a":1`} {
		quoted, _ := json.Marshal(m)
		query := "?m=" + url.QueryEscape(m)
		for path, want := range map[string]string{
			"/say":    "event: say\ndata: {\"from\":\"ann\",\"text\":" + string(quoted) + "}\n\n",
			"/bare":   "data: {\"from\":\"ann\",\"text\":" + string(quoted) + "}\n\n",
			"/answer": "event: saved\ndata: {\"q\":" + string(quoted) + "}\n\n",
		} {
			if r, _ := gatewaytest.Do(t, "POST", base+path+query, "", "X-User: ann"); r.StatusCode != 200 {
				t.Errorf("%s: %s", path, r.Status)
			}
			live.AwaitData(want)
		}
		hello := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), base+"/hello?name="+url.QueryEscape(m))
		hello.AwaitData("data: {\"hello\":" + string(quoted) + ",\"by\":\"gateway\"}\n\n")
	}
	if text := live.Text(); strings.Contains(text, "event: kick") || strings.Contains(text, "retry: 86400000") {
		t.Errorf("an event was forged: %s", text)
	}
}
