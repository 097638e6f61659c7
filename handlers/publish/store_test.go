package publish_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/protocol"
)

const storeSite = `http://{$ADDR} {
	sse_publish /text/* {path.1} {
		event {query.event}
		store
	}
	sse_publish /plain/* {path.1} {
		store maxlen unlimited
	}
	sse_publish /json/* {path.1} {
		event note
		format json
		store maxlen 100 ttl 1h
	}
	sse_publish /unstored/* {path.1}
}`

func TestPublishStores(t *testing.T) {
	g, server := gatewaytest.StartWithRedis(t, storeSite)
	client := server.Client()
	pubsub := client.Subscribe(t.Context(), "chat:1")
	t.Cleanup(func() { _ = pubsub.Close() })
	if _, err := pubsub.Receive(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		path, body string
		fields     []string
	}{
		{"/text/chat:1?event=like", "a\r\nb \xff", []string{"data", "a\r\nb \xff", "event", "like"}},
		{"/text/chat:1", "no type", []string{"data", "no type"}},
		{"/plain/chat:1", `{"data":1}`, []string{"data", `{"data":1}`}},
		{"/json/chat:1", `{"data":{"by": 7},"retry":1500,"id":null}`, []string{"data", `{"by":7}`, "event", "note", "retry", "1500"}},
		{"/json/chat:1", `{"event":"own","data":""}`, []string{"data", "", "event", "own"}},
	} {
		r, body := gatewaytest.Do(t, "POST", "http://"+g.Addr+test.path, test.body)
		entries := client.XRevRangeN(t.Context(), "chat:1", "+", "-", 1).Val()
		if len(entries) != 1 {
			t.Fatalf("%s: %s %q: nothing is stored", test.path, r.Status, body)
		}
		if want := `{"channel":"chat:1","receivers":1,"id":"` + entries[0].ID + `"}` + "\n"; body != want || r.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %s %q, not %q", test.path, r.Status, body, want)
		}
		message, err := pubsub.ReceiveMessage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		stored, ok := protocol.ParseStored(message.Payload)
		if !ok || stored.ID.String() != entries[0].ID || !slices.Equal(stored.Fields, test.fields) {
			t.Errorf("%s: %q was heard, not %q", test.path, message.Payload, test.fields)
		}
	}
	if ttl := client.PTTL(t.Context(), "chat:1").Val(); ttl <= 59*time.Minute || ttl > time.Hour {
		t.Errorf("the history expires in %s", ttl)
	}
	if _, body := gatewaytest.Do(t, "POST", "http://"+g.Addr+"/unstored/chat:2", "hi"); body != `{"channel":"chat:2","receivers":0}`+"\n" {
		t.Errorf("without store: %q", body)
	}
	if client.Exists(t.Context(), "chat:2").Val() != 0 {
		t.Error("it was stored unasked")
	}
}

func TestPublishStoreRefuses(t *testing.T) {
	g, server := gatewaytest.StartWithRedis(t, storeSite)
	server.Do("SET", "text", "x")
	for _, test := range []struct {
		path, body, rule string
		status           int
	}{
		{"/json/a", `{"data":1,"id":"7"}`, `must not have an "id"`, 400},
		{"/json/a", `hi`, "JSON object", 400},
		{"/text/a?event=a%0ab", "hi", "line end", 400},
		{"/text/a", "", "empty", 400},
		{"/text/text", "hi", "misconfigured: the channel can have no history", 500},
	} {
		r, _ := gatewaytest.Do(t, "POST", "http://"+g.Addr+test.path, test.body)
		if r.StatusCode != test.status || !strings.Contains(r.Header.Get("Sse-Error"), test.rule) || r.Header.Get("Retry-After") != "" {
			t.Errorf("%s %q: %s, %q", test.path, test.body, r.Status, r.Header.Get("Sse-Error"))
		}
	}
	if server.Do("EXISTS", "a") != int64(0) {
		t.Error("what was refused was stored")
	}
	server.Do("ACL", "SETUSER", "default", "-xadd")
	if r, _ := gatewaytest.Do(t, "POST", "http://"+g.Addr+"/text/a", "hi"); r.StatusCode != 500 || !strings.Contains(r.Header.Get("Sse-Error"), "misconfigured: the gateway may not do it") {
		t.Errorf("denied: %s %q", r.Status, r.Header.Get("Sse-Error"))
	}
	server.Kill()
	if r, _ := gatewaytest.Do(t, "POST", "http://"+g.Addr+"/text/a", "hi"); r.StatusCode != 503 || r.Header.Get("Retry-After") != "1" {
		t.Errorf("without Redis: %s %v", r.Status, r.Header)
	}
}

// Without a setting the history is not endless.
func TestPublishStoreDefaultMaxLen(t *testing.T) {
	g, server := gatewaytest.StartWithRedis(t, storeSite)
	client := server.Client()
	pipe := client.Pipeline()
	for range 12_000 {
		pipe.Do(t.Context(), "XADD", "full", "*", "data", "x")
	}
	pipe.Do(t.Context(), "COPY", "full", "whole")
	if _, err := pipe.Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	for path, length := range map[string][2]int64{"/text/full": {10_000, 10_200}, "/plain/whole": {12_001, 12_001}} {
		_, body := gatewaytest.Do(t, "POST", "http://"+g.Addr+path, "hi")
		var reply struct{ Channel string }
		if err := json.Unmarshal([]byte(body), &reply); err != nil {
			t.Fatal(body)
		}
		if n := client.XLen(t.Context(), reply.Channel).Val(); n < length[0] || n > length[1] {
			t.Errorf("%s: %d entries are kept", path, n)
		}
	}
}
