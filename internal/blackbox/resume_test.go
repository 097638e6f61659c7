package blackbox_test

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/protocol"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
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
	sse_subscribe /json {
		channel app
		format json
		history
	}
	sse_subscribe /live/* {path.1} {
		format json
		linger 1m
	}
	sse_publish /say/* {path.1} {
		store
	}
	sse_subscribe /member/* {path.1} {
		presence {path.2} {
			linger 100ms
		}
	}
	sse_presence /members/* {path.1}
}`

func TestHistoryIsReplayedOnceAndInOrder(t *testing.T) {
	g, server := gatewaytest.StartWithRedis(t, resumeSite)
	var want strings.Builder
	for i := range 300 {
		server.Add("chat", fmt.Sprint(i+1, "-1"), fmt.Sprint("event ", i+1))
		fmt.Fprintf(&want, "id: %d-1\ndata: event %d\n\n", i+1, i+1)
	}
	s := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), "http://"+g.Addr+"/h/chat?lastEventId=0-0")
	s.Await("event 300\n\n")
	server.Add("chat", "301-1", "live")
	s.Await("id: 301-1\ndata: live\n\n")
	gatewaytest.Do(t, "POST", "http://"+g.Addr+"/say/chat", "by the script")
	s.Await("data: by the script\n\n")
	server.Do("XADD", "chat", "*", "data", "a like", "event", "like", "retry", "1234")
	s.Await("\nevent: like\ndata: a like\n\n")
	if got := s.Text(); !strings.Contains(got, want.String()+"id: 301-1\n") || strings.Count(got, "data: ") != 303 || !strings.Contains(got, "retry: 1234\n") {
		t.Errorf("got %s", got)
	}
	for _, name := range []string{"lastEventId", "lastEventID", "last_event_id", "Last-Event-ID", "lastEventId=&lastEventID"} {
		late := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), "http://"+g.Addr+"/h/chat?"+name+"=301-1")
		late.AwaitData("data: by the script\n\nretry: 1234\nevent: like\ndata: a like\n\n")
	}
}

// Clients may write IDs as Redis' commands take them.
func TestShortIDs(t *testing.T) {
	g, server := gatewaytest.StartWithRedis(t, resumeSite)
	for _, id := range []string{"1700000000000-0", "1700000000000-1", "1700000000001-0"} {
		server.Add("chat", id, id)
	}
	back := []*gatewaytest.Stream{
		gatewaytest.ComeBack(t, g, "/h/chat", "0"),
		gatewaytest.ComeBack(t, g, "/h/chat", "1700000000000"),
		gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), "http://"+g.Addr+"/h/chat?lastEventId=1700000000000"),
	}
	for i, want := range []int{3, 2, 2} {
		back[i].Await("data: 1700000000001-0\n\n")
		if got := back[i].Text(); strings.Count(got, "data: ") != want || strings.Contains(got, "sse.gap") {
			t.Errorf("not %d events: %s", want, got)
		}
	}
	// What is no longer there is a gap, which names the ID as Redis writes it.
	server.Add("trimmed", "1700000000000-0", "gone")
	server.Add("trimmed", "1700000000001-0", "gone")
	server.Add("trimmed", "1700000000002-0", "there")
	server.Do("XTRIM", "trimmed", "MAXLEN", "1")
	gatewaytest.ComeBack(t, g, "/h/trimmed", "1700000000000").Await(`"reason":"trimmed","from":"1700000000000-0"`)
}

func TestNewestAndMax(t *testing.T) {
	g, server := gatewaytest.StartWithRedis(t, resumeSite)
	for i := range 20 {
		server.Add("chat", fmt.Sprint(i+1, "-0"), fmt.Sprint(i+1))
	}
	gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), "http://"+g.Addr+"/last/chat").
		AwaitData("\ndata: 18\n\ndata: 19\n\ndata: 20\n\n")
	for range 2 {
		s := gatewaytest.ComeBack(t, g, "/last/chat", "4-0")
		s.Await("id: 15-0\nevent: sse.gap\ndata: " + `{"channel":"chat","reason":"overflow","from":"4-0","to":"15-0","channels":["chat"]}` + "\n\nid: 16-0\ndata: 16\n\n")
		s.Await("data: 20\n\n")
	}
	s := gatewaytest.ComeBack(t, g, "/last/chat", "15-0")
	s.Await("id: 20-0\ndata: 20\n\n")
	if got := s.Text(); strings.Contains(got, "sse.gap") || strings.Count(got, "data: ") != 5 {
		t.Errorf("got %s", got)
	}
}

// An entry's fields that are no event are an object, where JSON is asked for.
func TestEntriesWithoutData(t *testing.T) {
	g, server := gatewaytest.StartWithRedis(t, resumeSite)
	server.Do("XADD", "app", "1-0", "user", "Ann", "n", "3", "event", "joined")
	gatewaytest.ComeBack(t, g, "/json", "0-0").Await("id: 1-0\nevent: joined\ndata: {\"user\":\"Ann\",\"n\":\"3\"}\n\n")
}

func TestSeveralHistories(t *testing.T) {
	g, server := gatewaytest.StartWithRedis(t, resumeSite)
	s := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), "http://"+g.Addr+"/both")
	s.Await("id: ~")
	beginning := s.NewestID()
	for i, channel := range []string{"a", "b", "b", "a"} {
		server.Add(channel, fmt.Sprint(i+1, "-0"), fmt.Sprint(channel, i+1))
		s.Await(fmt.Sprintf("data: %s%d\n\n", channel, i+1))
	}
	middle := s.IDs()[2] // after b2
	again := gatewaytest.ComeBack(t, g, "/both", beginning)
	again.AwaitData("data: b2\n\ndata: b3\n\n")
	again.AwaitData("data: a1\n\ndata: a4\n\n")
	rest := gatewaytest.ComeBack(t, g, "/both", middle)
	rest.Await("data: b3\n\n")
	rest.Await("data: a4\n\n")
	if got := rest.Text(); strings.Count(got, "data: ") != 2 {
		t.Errorf("got %s", got)
	}
	for _, s := range []*gatewaytest.Stream{again, rest} {
		id := s.NewestID()
		if last := gatewaytest.ComeBack(t, g, "/both", id); last.NewestID() != "" || strings.Contains(last.Data(), "data: ") {
			t.Errorf("who is up to date got %s", last.Text())
		}
	}
}

// A history that is lost, in whatever way, ends in one gap for each subscriber who
// may have missed something, and correct events after.
func TestLostHistory(t *testing.T) {
	for name, test := range map[string]struct {
		lose   func(*redistest.Server)
		before string // the reason for those who come back
	}{
		"flushed":         {func(s *redistest.Server) { s.Do("FLUSHALL") }, "reset"},
		"deleted":         {func(s *redistest.Server) { s.Do("DEL", "chat") }, "reset"},
		"trimmed to zero": {func(s *redistest.Server) { s.Do("XTRIM", "chat", "MAXLEN", 0) }, "trimmed"},
	} {
		t.Run(name, func(t *testing.T) {
			g, server := gatewaytest.StartWithRedis(t, resumeSite)
			other := gatewaytest.Start(t, gatewaytest.RedisOption(server), resumeSite)
			connected := gatewaytest.ComeBack(t, g, "/h/chat", "0-0")
			for i := range 5 {
				server.Add("chat", fmt.Sprint(i+1, "-0"), fmt.Sprint("old ", i+1))
			}
			connected.Await("data: old 5\n\n")
			test.lose(server)
			server.Add("chat", "7-0", "new")
			connected.Await("id: 7-0\ndata: new\n\n")
			for i, g := range []*gatewaytest.Gateway{g, other} {
				back := gatewaytest.ComeBack(t, g, "/h/chat", "3-0")
				if g == other {
					back.Await(`event: sse.gap` + "\n" + `data: {"channel":"chat","reason":"` + test.before + `","from":"3-0",`)
				} else { // which remembers
					back.AwaitData("data: old 4\n\ndata: old 5\n\n")
				}
				back.Await("id: 7-0\ndata: new\n\n")
				gatewaytest.Do(t, "POST", "http://"+g.Addr+"/say/chat", "from "+g.Addr)
				for s, want := range map[*gatewaytest.Stream]int{connected: 0, back: i} {
					s.Await("data: from " + g.Addr + "\n\n")
					if n := strings.Count(s.Text(), "sse.gap"); n != want {
						t.Errorf("%d gaps: %s", n, s.Text())
					}
				}
			}
		})
	}
}

// Whatever a client says was its last event, it is answered 200, told of a gap,
// and goes on.
func TestBadIDs(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	// Caddy itself refuses long headers, unless it is told not to.
	g := gatewaytest.Start(t, "\tservers {\n\t\tmax_header_size 4MiB\n\t\tprotocols h1 h2c\n\t}\n"+gatewaytest.RedisOption(server), resumeSite)
	for i := range 3 {
		server.Add("chat", fmt.Sprint(1000+i, "-0"), "x")
		server.Add("other", fmt.Sprint(500+i, "-0"), "x")
	}
	elsewhere := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), "http://"+g.Addr+"/live/other")
	elsewhere.Await("id: ")
	server.Do("PUBLISH", "other", "x")
	elsewhere.Await("data: x")
	for name, id := range map[string]string{
		"garbage":            "garbage",
		"another channel's":  "501-0",
		"another live one's": elsewhere.NewestID(),
		"from the future":    "9999999999999-0",
		"the highest":        "18446744073709551615-18446744073709551615",
		"a vector":           "~abcB.defC",
		"a broken vector":    "~ab",
		"1 MiB":              strings.Repeat("x", 1<<20),
		"no UTF-8":           "\xff\xfe1000-0",
		"a formula":          "$",
		"a range":            "(1000-0",
	} {
		t.Run(name, func(t *testing.T) {
			for _, path := range []string{"/h/chat", "/live/chat"} {
				for _, client := range []*http.Client{gatewaytest.HTTP1(t), gatewaytest.H2C(t)} {
					s := gatewaytest.Subscribe(t, client, "http://"+g.Addr+path, "Last-Event-ID: "+id)
					if s.StatusCode != 200 {
						t.Fatalf("%s: %s", path, s.Status)
					}
					s.Await("event: sse.gap\ndata: {\"channel\":\"chat\",")
					if n := strings.Count(s.Text(), "sse.gap"); n != 1 {
						t.Errorf("%d gaps: %s", n, s.Text())
					}
					if back := gatewaytest.ComeBack(t, g, path, s.NewestID()); strings.Contains(back.Text(), "sse.gap") {
						t.Errorf("coming back with the gap's ID %s: %s", s.NewestID(), back.Text())
					}
					s.Leave()
				}
			}
		})
	}
	if n := len(g.Log()); n > 20_000 {
		t.Errorf("the log has %d bytes", n)
	}
}

// Without history the gateway's memory does it, and on another gateway, the
// hash.
func TestLiveEventsAreResumed(t *testing.T) {
	g, server := gatewaytest.StartWithRedis(t, resumeSite)
	other := gatewaytest.Start(t, gatewaytest.RedisOption(server), resumeSite)
	gatewaytest.ComeBack(t, other, "/live/chat", "").Await("id: ")
	s := gatewaytest.ComeBack(t, g, "/live/chat", "")
	s.Await("id: ")
	beginning := s.NewestID()
	for i := range 4 {
		server.Do("PUBLISH", "chat", i)
	}
	server.Do("PUBLISH", "chat", `{"data":"mine","id":"app-7"}`)
	server.Do("PUBLISH", "chat", "last")
	s.Await("data: last\n\n")
	s.Leave()
	for at, id := range map[string]string{
		"0\n\ndata: 1\n\ndata: 2": beginning,
		"2\n\ndata: 3":            s.IDs()[2],
		"last":                    "app-7",
	} {
		for _, gateway := range []*gatewaytest.Gateway{g, other} {
			if gateway == other && id == beginning {
				continue // nothing had been said: there is nothing to know it by
			}
			back := gatewaytest.ComeBack(t, gateway, "/live/chat", id)
			back.AwaitData("data: last\n\n")
			if got := back.Data(); !strings.Contains(got, "\ndata: "+at) || strings.Contains(got, "sse.gap") || strings.Count(got, "data: "+at) != 1 {
				t.Errorf("after %s came %s", id, got)
			}
			back.Leave()
		}
	}
}

// The rights that the docs name are enough, with keyspace notifications.
func TestDocsACL(t *testing.T) {
	docs, err := os.ReadFile("../../docs/redis.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rules, found := strings.Cut(string(docs), "    ACL SETUSER gateway ")
	if !found {
		t.Fatal("docs/redis.md names no rights")
	}
	rules, _, _ = strings.Cut(rules, "\n\n")
	t.Parallel()
	server := redistest.Start(t, "--notify-keyspace-events", "Kt")
	command := []any{"ACL", "SETUSER", "gateway"}
	for _, rule := range strings.Fields(rules) {
		command = append(command, rule)
	}
	server.Do(command...)
	g := gatewaytest.Start(t, "\tsse {\n\t\tredis "+server.URL("gateway:secret")+"\n\t\tdrain 0\n\t}", resumeSite)
	history := gatewaytest.ComeBack(t, g, "/h/chat:1", "0-0")
	live := gatewaytest.ComeBack(t, g, "/live/chat:2", "")
	live.Await("id: ")
	server.Add("chat:1", "1-0", "plain")
	history.Await("data: plain\n\n")
	if r, body := gatewaytest.Do(t, "POST", "http://"+g.Addr+"/say/chat:1", "stored"); r.StatusCode != 200 {
		t.Errorf("%s %v %s", r.Status, r.Header, body)
	}
	history.Await("data: stored\n\n")
	server.Do("PUBLISH", "chat:2", "hello")
	live.Await("data: hello\n\n")
	server.Do("XTRIM", "chat:1", "MAXLEN", 0) // so that XINFO is needed
	server.Add("chat:1", "*", "after the trim")
	history.Await("data: after the trim\n\n")
	for range 2 {
		member := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), "http://"+g.Addr+"/member/chat:3/ann")
		member.Await("sse.join")
		if r, body := gatewaytest.Do(t, "GET", "http://"+g.Addr+"/members/chat:3", ""); !strings.Contains(body, `"ann"`) {
			t.Errorf("%s %s", r.Status, body)
		}
		member.Leave()
		redistest.Await(t, "a leave", func() bool { return server.Do("EXISTS", "sse.presence.in:chat:3") == int64(0) })
	}
	redistest.Await(t, "a look whether notifications come", func() bool { return server.Do("EXISTS", "sse.probe.notifications") == int64(1) })
	for _, sign := range []string{"denies", "NOPERM", `"level":"error"`} {
		if strings.Contains(g.Log(), sign) {
			t.Errorf("the log has %s: %s", sign, g.Log())
		}
	}
	if clients := server.Do("CLIENT", "LIST").(string); strings.Contains(clients, "cmd=xread") {
		t.Errorf("somebody waits at a Redis stream though Redis notifies:\n%s", clients)
	}
}

// The embedded server has histories, too.
func TestEmbeddedHistory(t *testing.T) {
	t.Parallel()
	addr := redistest.FreeAddr(t)
	g := gatewaytest.Start(t, "\tsse {\n\t\tredis embedded "+addr+" {\n\t\t\tkeyspace_notifications\n\t\t}\n\t\tdrain 0\n\t}", resumeSite)
	client := redis.NewClient(&redis.Options{Addr: addr, Protocol: 2})
	defer client.Close()
	s := gatewaytest.ComeBack(t, g, "/h/chat", "")
	s.Await("id: 0-0\n\n")
	for i := range 3 {
		if err := client.XAdd(t.Context(), &redis.XAddArgs{Stream: "chat", Values: []any{"data", i}}).Err(); err != nil {
			t.Fatal(err)
		}
	}
	gatewaytest.Do(t, "POST", "http://"+g.Addr+"/say/chat", "stored")
	s.AwaitData("data: 0\n\ndata: 1\n\ndata: 2\n\ndata: stored\n\n")
	back := gatewaytest.ComeBack(t, g, "/h/chat", s.IDs()[2])
	back.AwaitData("data: 2\n\ndata: stored\n\n")
	if strings.Contains(back.Text()+s.Text(), "sse.gap") {
		t.Errorf("gaps: %s %s", s.Text(), back.Text())
	}
}

// Two channels whose names have the same tag in the subscriber's IDs.
func TestHistoriesWithEqualTags(t *testing.T) {
	byTag := make(map[protocol.Tag]string)
	var a, b string
	for i := 0; a == ""; i++ {
		name := fmt.Sprint("chat:", i)
		tag := protocol.ChannelTags([]string{name})[0]
		if b = name; byTag[tag] != "" {
			a = byTag[tag]
		}
		byTag[tag] = name
	}
	g, server := gatewaytest.StartWithRedis(t, "http://{$ADDR} {\n\tsse_subscribe /two "+a+" "+b+" {\n\t\thistory\n\t}\n}")
	s := gatewaytest.ComeBack(t, g, "/two", "")
	s.Await("id: ~")
	server.Add(a, "5-0", "in a")
	s.Await("data: in a\n\n")
	server.Add(b, "900-0", "in b")
	s.Await("data: in b\n\n")
	id := s.NewestID()
	server.Add(a, "6-0", "more in a")
	server.Add(b, "901-0", "more in b")
	back := gatewaytest.ComeBack(t, g, "/two", id)
	back.Await("data: more in a\n\n")
	back.Await("data: more in b\n\n")
	if got := back.Text(); strings.Contains(got, "sse.gap") || strings.Count(got, "data: ") != 2 {
		t.Errorf("got %s", got)
	}
}
