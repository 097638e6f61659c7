package handlers_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
)

// Nobody who sends a value can say more than the value.
func TestValuesForgeNothing(t *testing.T) {
	app, _ := newCounter(t)
	g, _ := start(t, `http://{$ADDR} {
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

func TestTemplatesInTheConfiguration(t *testing.T) {
	t.Parallel()
	for lines, want := range map[string]string{
		"sse_publish a {\ndata `{\"a\":}`\n}":         `the text begins like JSON, but is not JSON: {"a":}, at Caddyfile:3`,
		"sse_subscribe a {\ngreeting `{\"a\"}`\n}":    `greeting: the text begins like JSON, but is not JSON: {"a"}, at Caddyfile:3`,
		"sse_subscribe a {\npresence b `{\"a\"}`\n}":  `presence: info: the text begins like JSON, but is not JSON: {"a"}, at Caddyfile:3`,
		"sse_publish a {\ndata `{\"a\":{path.1}}`\n}": "",
		"sse_publish a {\ndata {query.m}\n}":          "",
	} {
		if _, err := adapt(t, lines); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: got %v", lines, err)
		}
	}
	for _, handler := range []string{
		`{"handler":"sse_publish","channel":"a","data":"{\"a\":}"}`,
		`{"handler":"sse_subscribe","channels":["a"],"greeting":{"data":"{\"a\":}"}}`,
		`{"handler":"sse_subscribe","channels":["a"],"presence":{"member":"b","info":"{\"a\":}"}}`,
	} {
		err := validate(t, `{"apps":{"http":{"servers":{"s":{"listen":[":8080"],"routes":[{"handle":[`+handler+`]}]}}}}}`)
		if err == nil || !strings.Contains(err.Error(), "is not JSON") {
			t.Errorf("%s: %v", handler, err)
		}
	}
}

// What is no UTF-8 does not get into the list that all read.
func TestPresenceIsUTF8(t *testing.T) {
	g, _ := start(t, `http://{$ADDR} {
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
