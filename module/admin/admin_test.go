package admin_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
	"github.com/caddy-sse/caddy-sse/module/admin"
)

const site = `http://{$ADDR} {
	sse_subscribe /live/* live:{path.1}
	sse_subscribe /kept/* kept:{path.1} {
		history
	}
	sse_subscribe /member/* live:{path.2} {
		presence {path.1}
	}
}`

func start(t *testing.T) (*gatewaytest.Gateway, *redistest.Server) {
	t.Helper()
	t.Parallel()
	server := redistest.Start(t)
	return gatewaytest.Start(t, "\tservers {\n\t\ttrusted_proxies static 127.0.0.0/8\n\t}\n\tsse {\n\t\tredis "+server.Addr+"\n\t\tdrain 0\n\t\tlinger 0\n\t}", site), server
}

func subscribe(t *testing.T, g *gatewaytest.Gateway, path string, header ...string) *gatewaytest.Stream {
	t.Helper()
	s := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), "http://"+g.Addr+path, header...)
	if s.StatusCode == http.StatusOK {
		s.Await("id: ")
	}
	return s
}

// ask asks the admin endpoint, which has to answer that status.
func ask(t *testing.T, g *gatewaytest.Gateway, method, path, body string, status int, to any) string {
	t.Helper()
	r, text := gatewaytest.Do(t, method, g.Admin+path, body, "Origin: "+g.Admin, "Content-Type: application/json")
	if r.StatusCode != status {
		t.Fatalf("%s %s was answered %s %s", method, path, r.Status, text)
	}
	if to != nil {
		if err := json.Unmarshal([]byte(text), to); err != nil {
			t.Fatal(err, text)
		}
	}
	return text
}

func TestLooking(t *testing.T) {
	g, server := start(t)
	subscribe(t, g, "/live/1")
	subscribe(t, g, "/live/1")
	subscribe(t, g, "/member/ann/2", "X-Forwarded-For: 192.0.2.7")
	kept := subscribe(t, g, "/kept/1")
	server.Do("PUBLISH", "live:1", "x")
	server.Do("XADD", "kept:1", "5-0", "data", "x")
	kept.Await("data: x")

	var s admin.Status
	redistest.Await(t, "what was sent", func() bool {
		ask(t, g, "GET", "/sse/", "", 200, &s)
		return s.Gateways[0].Sent >= 3
	})
	if got := s.Gateways[0]; len(s.Gateways) != 1 || got.Subscribers != 4 || got.Live != 2 || got.Histories != 1 || !got.Redis.Up || got.Redis.Address != server.Addr {
		t.Errorf("the status is %+v", got)
	}

	var channels admin.Channels
	ask(t, g, "GET", "/sse/channels?limit=2", "", 200, &channels)
	if channels.Count != 3 || len(channels.Channels) != 2 || channels.Channels[0].Name != "live:1" || channels.Channels[0].Subscribers != 2 || channels.Channels[0].Events != 1 {
		t.Errorf("the channels are %+v", channels)
	}
	ask(t, g, "GET", "/sse/channels?prefix=kept", "", 200, &channels)
	if len(channels.Channels) != 1 || !channels.Channels[0].History || channels.Channels[0].LastID != "5-0" {
		t.Errorf("with history are %+v", channels)
	}
	ask(t, g, "GET", "/sse/channels/live:2", "", 200, &channels)
	if channels.Channels[0].Name != "live:2" {
		t.Errorf("live:2 is %+v", channels)
	}

	for query, want := range map[string]int{
		"": 4, "channel=live:1": 2, "member=ann": 1, "ip=192.0.2.7": 1, "ip=192.0.2.0/24": 1, "ip=127.0.0.1": 3, "member=ann&channel=live:1": 0, "limit=1": 4,
	} {
		var list admin.Subscribers
		ask(t, g, "GET", "/sse/subscribers?"+query, "", 200, &list)
		if list.Count != want || len(list.Subscribers) != min(want, 1) && query == "limit=1" {
			t.Errorf("%s lists %+v", query, list)
		}
		for _, s := range list.Subscribers {
			if s.ID == 0 || s.Protocol != "http/1.1" || s.Via == "" || time.Since(s.Since) > time.Minute {
				t.Errorf("%+v", s)
			}
		}
	}
}

func TestMistakes(t *testing.T) {
	g, _ := start(t)
	for request, status := range map[string]int{
		"GET /sse/nonsense":                     404,
		"POST /sse/":                            405,
		"POST /sse/subscribers":                 405,
		"GET /sse/channels/nobody":              404,
		"GET /sse/channels?limit=0":             400,
		"GET /sse/channels?limit=100001":        400,
		"GET /sse/subscribers?limit=100001":     400,
		"GET /sse/channels?prefx=a":             400,
		"GET /sse/subscribers?ip=nonsense":      400,
		"GET /sse/subscribers?id=x":             400,
		"DELETE /sse/subscribers":               400,
		"DELETE /sse/subscribers?membr=ann":     400,
		"DELETE /sse/subscribers?member=":       400,
		"DELETE /sse/subscribers?id=1&forbid=":  200,
		"DELETE /sse/subscribers?id=1&forbid=x": 400,
		"GET /sse/tail?channel=":                400,
		"GET /sse/tail?channel=a&format=x":      400,
		"POST /sse/publish":                     400,
	} {
		method, path, _ := strings.Cut(request, " ")
		ask(t, g, method, path, "", status, nil)
	}
	for body, want := range map[string]string{
		`{"channel":"a b","data":"x"}`:               "must not hold spaces",
		`{"channel":"a","data":""}`:                  "the data is empty",
		`{"channel":"a","data":"\u0000sse1! x\n{}"}`: "NUL",
		`{"channel":"a","dta":"x"}`:                  `unknown field \"dta\"`,
	} {
		if text := ask(t, g, "POST", "/sse/publish", body, 400, nil); !strings.Contains(text, want) {
			t.Errorf("%s was answered %s", body, text)
		}
	}
}

// Anyone who is thrown out stays out for the time.
func TestKick(t *testing.T) {
	g, server := start(t)
	var closed admin.Closed
	kick := func(query string, want int) {
		t.Helper()
		ask(t, g, "DELETE", "/sse/subscribers?"+query, "", 200, &closed)
		if closed.Closed != want {
			t.Errorf("%s closed %d", query, closed.Closed)
		}
	}
	ann, ben := subscribe(t, g, "/member/ann/1"), subscribe(t, g, "/member/ben/1")
	kick("member=ann", 1)
	if err := ann.AwaitEnd(); err != nil {
		t.Error(err)
	}
	ann = subscribe(t, g, "/member/ann/1")
	kick("member=ann&forbid=2s", 1)
	until := time.Now().Add(2 * time.Second)
	if err := ann.AwaitEnd(); err != nil {
		t.Error(err)
	}
	if s := subscribe(t, g, "/member/ann/2"); s.StatusCode != http.StatusForbidden {
		t.Errorf("she came back: %s", s.Status)
	}
	g.Reload("\tservers {\n\t\ttrusted_proxies static 127.0.0.0/8\n\t}\n\tsse {\n\t\tredis "+server.Addr+"\n\t\tdrain 0\n\t\tlinger 0\n\t}", site)
	if s := subscribe(t, g, "/member/ann/2"); s.StatusCode != http.StatusForbidden && time.Now().Before(until) {
		t.Errorf("she came back after a reload: %s", s.Status)
	}
	server.Do("PUBLISH", "live:1", "ben is there")
	ben.Await("data: ben is there")
	redistest.Await(t, "ann to be let in again", func() bool { return subscribe(t, g, "/member/ann/2").StatusCode == 200 })

	// By ID, somebody without a member: the address stays out.
	from := "X-Forwarded-For: 192.0.2.9"
	s := subscribe(t, g, "/live/3", from)
	var list admin.Subscribers
	ask(t, g, "GET", "/sse/subscribers?channel=live:3", "", 200, &list)
	kick(fmt.Sprint("forbid=1h&id=", list.Subscribers[0].ID), 1)
	if err := s.AwaitEnd(); err != nil {
		t.Error(err)
	}
	if s := subscribe(t, g, "/live/4", from); s.StatusCode != http.StatusForbidden {
		t.Errorf("it came back: %s", s.Status)
	}
	subscribe(t, g, "/live/4", "X-Forwarded-For: 192.0.2.10")
	kick("channel=live:4", 1)
}

// The command says all this to a terminal.
func TestCommand(t *testing.T) {
	g, server := start(t)
	run := func(args ...string) string {
		t.Helper()
		stdout, stderr, code := command(t, g, args...)
		if code != 0 {
			t.Fatalf("%v ends with %d: %s%s", args, code, stdout, stderr)
		}
		return stdout + stderr
	}
	s := subscribe(t, g, "/member/ann/1")
	kept := subscribe(t, g, "/kept/1")
	for _, args := range [][]string{{"live:1"}, {"kept:1", "--history"}} {
		lines := tail(t, g, args...)
		for !strings.HasPrefix(lines.Text(), "id: ") {
			if !lines.Scan() {
				t.Fatalf("the tail of %s has ended: %v", args, lines.Err())
			}
		}
	}

	if got := run("status"); !strings.Contains(got, server.Addr+"  up") || !strings.Contains(got, "subscribers  4") {
		t.Errorf("status says\n%s", got)
	}
	if got := run("channels"); !strings.Contains(got, "live:1") || !strings.Contains(got, "kept:1") {
		t.Errorf("channels says\n%s", got)
	}
	if got := run("subscribers", "--member", "ann"); !strings.Contains(got, "live:1") || strings.Contains(got, "kept:1") {
		t.Errorf("subscribers says\n%s", got)
	}
	if got := run("publish", "live:1", "hello there"); !strings.Contains(got, "received by 1") {
		t.Errorf("publish says\n%s", got)
	}
	s.Await("data: hello there\n\n")
	run("publish", "kept:1", "a note", "--event", "note", "--store")
	kept.Await("event: note\ndata: a note\n\n")
	if got := run("kick", "--member", "ann", "--forbid", "10m"); got != "closed 1\n" {
		t.Errorf("kick says\n%s", got)
	}
	if err := s.AwaitEnd(); err != nil {
		t.Error(err)
	}
	out, err := exec.Command(gatewaytest.Binary(t), "sse", "kick", "--address", "127.0.0.1:1").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "say whom") {
		t.Errorf("kick of nobody says %s", out)
	}
}
