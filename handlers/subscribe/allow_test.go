package subscribe_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

const (
	signingSecret = "0123456789abcdef0123456789abcdef"
	namedSite     = `http://{$ADDR} {
	@query path /query
	sse_subscribe @query {query.channel} {
		allow chat:* "user:{http.request.header.X-User}"
		limits {
			channels_per_subscriber 3
		}
	}
	sse_subscribe /open {query.channel}
	sse_subscribe /present {query.channel} {
		allow chat:*
		presence ann {
			channel {query.room}
		}
	}
	sse_subscribe /run {query.channel} {
		allow chat:*
		history all
		ends
		stop
	}
	sse_history /history {query.channel} {
		allow chat:*
	}
	sse_presence /members {query.channel} {
		allow chat:*
	}
	sse_publish /publish {query.channel} {
		allow chat:*
	}
	sse_subscribe /signed {
		signed ` + signingSecret + `
		allow chat:* list
	}
	sse_history /signed-history {
		signed ` + signingSecret + `
	}
	respond "the app"
}`
)

// signedQuery names channels until then.
func signedQuery(until time.Time, channels ...string) string {
	exp := fmt.Sprint(until.Unix())
	mac := hmac.New(sha256.New, []byte(signingSecret))
	mac.Write([]byte("sse1\n" + exp + "\n" + strings.Join(channels, "\n")))
	return "?channel=" + strings.Join(channels, "&channel=") + "&exp=" + exp + "&sig=" + hex.EncodeToString(mac.Sum(nil))
}

// A page names its channels: several, as far as they are allowed, in every directive.
func TestChannelsOfThePage(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	g := gatewaytest.Start(t, "\tsse {\n\t\tredis "+redis.Addr+"\n\t}", namedSite)
	redis.Do("XADD", "list", "1-0", "data", "kept")
	base := "http://" + g.Addr
	const stream, json = "Accept: text/event-stream", "Accept: application/json"
	for _, test := range []struct {
		method, url, accept string
		status              int
		says                string
	}{
		{"GET", "/query?channel=secret", stream, 403, "forbidden: a channel that is asked for is not among those that are allowed"},
		{"GET", "/query?channel=chat:1&channel=secret", stream, 403, "forbidden: "},
		{"GET", "/query?channel=user:8", stream, 403, "forbidden: "},
		{"GET", "/query?channel=chat:1&channel=chat:2&channel=chat:3&channel=chat:4", stream, 400, "bad_request: too many channels: there may be 3"},
		{"GET", "/query?channel=chat:1&channel=", stream, 400, "bad_request: "},
		{"GET", "/query?channel=chat:1&channel=a%20b", stream, 400, "bad_request: "},
		{"GET", "/query", stream, 400, "bad_request: a part of the channel's name has no value"},
		{"GET", "/present?channel=chat:1&room=secret", stream, 403, "forbidden: "},
		{"GET", "/run?channel=secret", stream, 403, "forbidden: "},
		{"DELETE", "/run?channel=secret", json, 403, "forbidden: "},
		{"DELETE", "/run?channel=chat:1&channel=chat:2", json, 400, "bad_request: too many channels: there may be 1"},
		{"DELETE", "/run?channel=chat:1", json, 204, ""},
		{"GET", "/history?channel=secret", json, 403, "forbidden: "},
		{"GET", "/history?channel=chat:1", json, 200, ""},
		{"GET", "/members?channel=secret", json, 403, "forbidden: "},
		{"GET", "/members?channel=chat:1", json, 200, ""},
		{"POST", "/publish?channel=secret", json, 403, "forbidden: "},
		{"POST", "/publish?channel=chat:1", json, 200, ""},
		{"GET", "/signed?channel=chat:1&exp=99999999999&sig=00", stream, 403, "forbidden: the channels are not signed, or not by this server's secret"},
		{"GET", "/signed" + signedQuery(time.Now().Add(-time.Second), "chat:1"), stream, 403, "forbidden: the signature has expired"},
		{"GET", "/signed" + signedQuery(time.Now().Add(time.Hour), "secret"), stream, 403, "forbidden: a channel"},
		{"GET", "/signed", stream, 400, "bad_request: a signed request names its channels"},
		{"GET", "/signed-history" + signedQuery(time.Now().Add(time.Hour), "list"), json, 200, ""},
		{"GET", "/signed-history" + signedQuery(time.Now().Add(time.Hour), "list", "chat:1"), json, 400, "bad_request: this is about one channel"},
		{"GET", "/signed-history?channel=list", json, 403, "forbidden: "},
	} {
		body := ""
		if test.method == "POST" {
			body = "hello"
		}
		r, _ := gatewaytest.Do(t, test.method, base+test.url, body, test.accept, "X-User: 7")
		if r.StatusCode != test.status || !strings.HasPrefix(r.Header.Get("Sse-Error"), test.says) {
			t.Errorf("%s %s: %s %q", test.method, test.url, r.Status, r.Header.Get("Sse-Error"))
		}
	}

	page := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), base+"/query?channel=chat:1&channel=user:7&channel=chat:1", "X-User: 7")
	page.Await("id: ")
	if got := redis.Do("PUBSUB", "NUMSUB", "chat:1", "user:7", "chat:1,user:7,chat:1"); fmt.Sprint(got) != "[chat:1 1 user:7 1 chat:1,user:7,chat:1 0]" {
		t.Errorf("subscribed: %v", got)
	}
	redis.Do("PUBLISH", "chat:1", "one")
	redis.Do("PUBLISH", "user:7", "two")
	page.Await("data: two")
	if n := strings.Count(page.Data(), "data: one"); n != 1 {
		t.Errorf("a channel that is named twice is received %d times", n)
	}
	if !strings.Contains(g.Log(), "a channel is what the client says, so that anybody may name any") || strings.Count(g.Log(), "so that anybody may name any") != 1 {
		t.Error("the log does not say that a client may name any channel of one directive")
	}
}

// A subscription to signed channels ends when the signature does, and the page that comes
// back with the same URL is told that it is over.
func TestSignedUntil(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	g := gatewaytest.Start(t, "\tsse {\n\t\tredis "+redis.Addr+"\n\t}", namedSite)
	until := time.Now().Add(3 * time.Second)
	url := "http://" + g.Addr + "/signed" + signedQuery(until, "chat:1")
	page := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), url)
	page.Await("id: ")
	redis.Do("PUBLISH", "chat:1", "one")
	page.Await("data: one")
	page.AwaitEnd()
	if time.Now().Before(until.Truncate(time.Second)) {
		t.Error("it has ended before its time")
	}
	if r, _ := gatewaytest.Do(t, http.MethodGet, url, "", "Accept: text/event-stream"); r.StatusCode != http.StatusForbidden {
		t.Errorf("afterwards: %s", r.Status)
	}
}
