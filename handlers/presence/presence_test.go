package presence_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

const presenceSite = `http://{$ADDR} {
	sse_subscribe /rooms/* room:{path.1} {
		presence {query.user} ` + "`" + `{"name":"{query.name}","n":[1,true]}` + "`" + ` {
			linger 1s
		}
		history
	}
	sse_subscribe /live/* room:{path.1} also:{path.1} {
		presence {query.user} {query.info} {
			linger 0
		}
	}
	sse_subscribe /some/* room:{path.1} also:{path.1} {
		presence {query.user} {
			channel also:{path.1}
			linger 0
		}
	}
	sse_subscribe /watch/* room:{path.1}
	sse_presence /who/* room:{path.1}
	sse_presence /first/* room:{path.1} {
		limit 1
	}
	sse_publish /say/* room:{path.1}
}`

// presenceOption has the members of a killed gateway leave within 3 seconds.
func presenceOption(redis string) string {
	return "\tsse {\n\t\tredis " + redis + "\n\t\tdrain 0\n\t\tlinger 0\n\t\tpresence_ttl 3s\n\t}"
}

type membersAnswer struct {
	Members []struct {
		ID    string          `json:"id"`
		Since time.Time       `json:"since"`
		Info  json.RawMessage `json:"info"`
	} `json:"members"`
	Count int `json:"count"`
}

// who are the members of a room, as a gateway lists them.
func who(t *testing.T, g *gatewaytest.Gateway, room string) membersAnswer {
	t.Helper()
	r, body := gatewaytest.Do(t, "GET", "http://"+g.Addr+"/who/"+room, "", "Accept: application/json")
	var a membersAnswer
	if err := json.Unmarshal([]byte(body), &a); err != nil || r.StatusCode != http.StatusOK {
		t.Fatal(r.Status, body, err)
	}
	return a
}

// awaitWho waits until exactly these are listed.
func awaitWho(t *testing.T, g *gatewaytest.Gateway, room string, want ...string) {
	t.Helper()
	redistest.Await(t, fmt.Sprint(want, " in ", room), func() bool {
		var ids []string
		list := who(t, g, room)
		for _, m := range list.Members {
			ids = append(ids, m.ID)
		}
		slices.Sort(ids)
		return slices.Equal(ids, want) && list.Count == len(want) // they are counted before they are listed
	})
}

func join(t *testing.T, g *gatewaytest.Gateway, path string) *gatewaytest.Stream {
	t.Helper()
	s := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), "http://"+g.Addr+path)
	if s.StatusCode != http.StatusOK {
		t.Fatal(path, s.Status, s.Header)
	}
	return s
}

// comings are what a subscriber was told of a member: + it came, - it left.
func comings(s *gatewaytest.Stream, member string) (signs string) {
	for _, m := range regexp.MustCompile(`event: sse\.(join|leave)\ndata: \{"channel":"room:[^"]*","id":"([^"]*)"`).FindAllStringSubmatch(s.Text(), -1) {
		if m[2] == member {
			signs += map[string]string{"join": "+", "leave": "-"}[m[1]]
		}
	}
	return signs
}

func TestPresence(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	g := gatewaytest.Start(t, presenceOption(server.Addr), presenceSite)
	other := gatewaytest.Start(t, presenceOption(server.Addr), presenceSite)
	watch := join(t, g, "/watch/1")
	redistest.Await(t, "a subscription", func() bool { return server.Listeners("room:1") == 1 })
	if a := who(t, g, "1"); a.Members == nil {
		t.Error("nobody is null")
	}

	ann := join(t, g, "/rooms/1?user=ann&name=Ann+%22L%22")
	watch.Await("event: sse.join\ndata: {\"channel\":\"room:1\",\"id\":\"ann\",\"since\":\"")
	ann.Await("sse.join") // its own, in a channel with history
	awaitWho(t, other, "1", "ann")
	if info := string(who(t, other, "1").Members[0].Info); info != `{"name":"Ann \"L\"","n":[1,true]}` {
		t.Errorf("her info is %s", info)
	}
	since := who(t, g, "1").Members[0].Since
	if time.Since(since).Abs() > time.Minute {
		t.Errorf("she is there since %s", since)
	}

	// Several tabs, on any gateway, are one member.
	second, third := join(t, g, "/rooms/1?user=ann&name=Ann"), join(t, other, "/rooms/1?user=ann&name=Ann")
	ben := join(t, other, "/live/1?user=ben&info=hello+%7B%7D")
	watch.Await(`"id":"ben"`)
	ben.Await(`data: {"channel":"also:1","id":"ben"`)
	awaitWho(t, g, "1", "ann", "ben")
	if a := who(t, g, "1"); !a.Members[0].Since.Equal(since) || a.Members[0].ID != "ann" || string(a.Members[1].Info) != `"hello {}"` {
		t.Errorf("it lists %+v", a)
	}
	if _, body := gatewaytest.Do(t, "GET", "http://"+g.Addr+"/first/1", ""); strings.Contains(body, "ben") || !strings.Contains(body, `"count":2`) {
		t.Errorf("limit 1 lists %s", body)
	}
	some := join(t, g, "/some/1?user=dora")
	some.Await(`data: {"channel":"also:1","id":"dora"`)
	if strings.Contains(watch.Text(), "dora") {
		t.Error("dora is a member of a channel that presence does not name")
	}
	some.Leave()
	ann.Leave()
	second.Leave()
	ben.Leave() // with linger 0
	watch.Await("event: sse.leave\ndata: {\"channel\":\"room:1\",\"id\":\"ben\"}\n\n")

	// A page that is loaded again does not leave.
	third.Leave()
	back := join(t, g, "/rooms/1?user=ann&name=Ann")
	cleo := join(t, g, "/live/1?user=cleo")
	cleo.Await(`"id":"cleo"`)
	cleo.Leave()
	watch.Await("event: sse.leave\ndata: {\"channel\":\"room:1\",\"id\":\"cleo\"}\n\n")
	awaitWho(t, g, "1", "ann")
	back.Leave()
	watch.Await("event: sse.leave\ndata: {\"channel\":\"room:1\",\"id\":\"ann\"}\n\n")
	awaitWho(t, other, "1")
	if got := comings(watch, "ann") + comings(watch, "ben") + comings(watch, "cleo"); got != "+-+-+-" {
		t.Errorf("ann, ben and cleo came and went %s:\n%s", got, watch.Text())
	}
	if regexp.MustCompile(`id: [^\n]*\nevent: sse\.(join|leave)`).MatchString(watch.Text()) {
		t.Error("coming or going has an event ID")
	}
	redistest.Await(t, "an empty Redis", func() bool {
		keys := server.Do("KEYS", "sse.presence.*").([]any)
		return len(keys) == 0 || len(keys) == 1 && keys[0] == "sse.presence.gateways"
	})
}

// A gateway that is killed takes its members with it, within the time to live.
func TestPresenceAfterACrash(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	g := gatewaytest.Start(t, presenceOption(server.Addr), presenceSite)
	other := gatewaytest.Start(t, presenceOption(server.Addr), presenceSite)
	watch := join(t, g, "/rooms/1?user=watcher")
	join(t, other, "/rooms/1?user=ann")
	join(t, other, "/rooms/1?user=ben")
	join(t, g, "/rooms/1?user=ben")
	awaitWho(t, g, "1", "ann", "ben", "watcher")
	other.Kill()
	watch.Await("event: sse.leave\ndata: {\"channel\":\"room:1\",\"id\":\"ann\"}\n\n")
	awaitWho(t, g, "1", "ben", "watcher")
	if got := comings(watch, "ann") + comings(watch, "ben"); got != "+-+" {
		t.Errorf("ann and ben came and went %s", got)
	}
	redistest.Await(t, "the dead gateway to be forgotten", func() bool { return server.Do("ZCARD", "sse.presence.gateways") == int64(1) })
	if keys := server.Do("KEYS", "sse.presence.by:*").([]any); len(keys) != 1 {
		t.Errorf("there is still %v", keys)
	}
}

// Who leaves by a crash is told also by gateways that have no members themselves.
func TestPresenceAfterACrashOfTheOnlyOne(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	g := gatewaytest.Start(t, presenceOption(server.Addr), presenceSite)
	other := gatewaytest.Start(t, presenceOption(server.Addr), presenceSite)
	join(t, other, "/rooms/1?user=ann")
	awaitWho(t, g, "1", "ann")
	watch := join(t, g, "/watch/1")
	other.Kill()
	watch.Await("event: sse.leave\ndata: {\"channel\":\"room:1\",\"id\":\"ann\"}\n\n")
	redistest.Await(t, "the dead gateway to be forgotten", func() bool { return server.Do("ZCARD", "sse.presence.gateways") == int64(0) })
}

// Members that Redis loses are back soon; those who are there hear of nobody
// leaving.
func TestPresenceWithoutRedis(t *testing.T) {
	for name, lose := range map[string]func(*redistest.Server){
		"flushed":   func(s *redistest.Server) { s.Do("FLUSHALL") },
		"restarted": func(s *redistest.Server) { s.Restart() },
		"away": func(s *redistest.Server) {
			s.Kill()
			time.Sleep(2 * time.Second) // longer than a lease
			s.Restart()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			g := gatewaytest.Start(t, presenceOption(server.Addr), presenceSite)
			watch := join(t, g, "/watch/1")
			join(t, g, "/rooms/1?user=ann")
			gone := join(t, g, "/rooms/1?user=ben")
			awaitWho(t, g, "1", "ann", "ben")
			lose(server)
			gone.Leave()
			awaitGateway(t, g)
			awaitWho(t, g, "1", "ann")
			if strings.Contains(comings(watch, "ann"), "-") {
				t.Errorf("ann left: %s", watch.Text())
			}
		})
	}
}

// awaitGateway waits until a gateway has Redis back.
func awaitGateway(t *testing.T, g *gatewaytest.Gateway) {
	t.Helper()
	redistest.Await(t, "the gateway to have Redis back", func() bool {
		r, _ := gatewaytest.Do(t, "GET", "http://"+g.Addr+"/who/1", "")
		return r.StatusCode == http.StatusOK
	})
}

// A gateway that ends in peace leaves its members the time to come to another.
func TestPresenceMovesOn(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	g := gatewaytest.Start(t, presenceOption(server.Addr), presenceSite)
	other := gatewaytest.Start(t, presenceOption(server.Addr), presenceSite)
	watch := join(t, g, "/rooms/1?user=watcher")
	join(t, other, "/rooms/1?user=ann")
	join(t, other, "/rooms/1?user=ben")
	awaitWho(t, g, "1", "ann", "ben", "watcher")
	other.Reload(presenceOption(server.Addr), presenceSite)
	other.Stop()
	join(t, g, "/rooms/1?user=ann")
	watch.Await("event: sse.leave\ndata: {\"channel\":\"room:1\",\"id\":\"ben\"}\n\n")
	awaitWho(t, g, "1", "ann", "watcher")
	if got := comings(watch, "ann"); got != "+" {
		t.Errorf("ann came and went %s", got)
	}
}

func TestBadMembers(t *testing.T) {
	g, server := gatewaytest.StartWithRedis(t, presenceSite)
	for _, query := range []string{"", "user=", "user=a%0Ab", "user=%ff", "user=" + strings.Repeat("x", 129), "user=a&name=" + strings.Repeat("x", 2000)} {
		r, _ := gatewaytest.Do(t, "GET", "http://"+g.Addr+"/rooms/1?"+query, "", "Accept: text/event-stream")
		if r.StatusCode != http.StatusBadRequest || r.Header.Get("Sse-Error") == "" {
			t.Errorf("%.40q was answered %s", query, r.Status)
		}
	}
	// Nobody but gateways says who comes and goes.
	watch := join(t, g, "/watch/1")
	redistest.Await(t, "a subscription", func() bool { return server.Listeners("room:1") == 1 })
	for _, forged := range []string{"\x00sse1! sse.leave\n{}", "\x00sse1 5-0 0-0 4 1\ndatax"} {
		if r, _ := gatewaytest.Do(t, "POST", "http://"+g.Addr+"/say/1", forged); r.StatusCode != http.StatusBadRequest {
			t.Errorf("%q was answered %s", forged, r.Status)
		}
	}
	server.Do("PUBLISH", "room:1", "the end")
	watch.Await("data: the end")
	if strings.Contains(watch.Text(), "sse.") {
		t.Errorf("it was told %s", watch.Text())
	}
}

func TestEmbeddedPresence(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, presenceOption("embedded "+redistest.FreeAddr(t)), presenceSite)
	watch := join(t, g, "/watch/1")
	watch.Await("id: ") // it is heard
	ann := join(t, g, "/live/1?user=ann")
	ann.Await(`"id":"ann"`)
	ann.Leave()
	watch.Await("event: sse.leave\ndata: {\"channel\":\"room:1\",\"id\":\"ann\"}\n\n")
	if got := comings(watch, "ann"); got != "+-" {
		t.Errorf("ann came and went %s", got)
	}
}

// Of many members only those are read whole that are listed.
func TestPresenceReadsWhatItLists(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	g := gatewaytest.Start(t, gatewaytest.RedisOption(server), `http://{$ADDR} {
		sse_presence /members/* room:{path.1} {
			limit 300
		}
	}`)
	const n = 5000
	server.Do("ZADD", "sse.presence.gateways", "9999999999999", "other")
	server.Do("ZADD", "sse.presence.gateways", "1", "dead")
	pipe := server.Client().Pipeline()
	info := `"` + strings.Repeat("x", 1000) + `"`
	for i := range n {
		pipe.HSet(t.Context(), "sse.presence.in:room:1", fmt.Sprint("other:", i), fmt.Sprint(1700000000000+i, " ", info))
		pipe.HSet(t.Context(), "sse.presence.in:room:1", fmt.Sprint("dead:d", i), fmt.Sprint(1600000000000+i, " ", info))
	}
	if _, err := pipe.Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	sent := func() int {
		_, rest, _ := strings.Cut(server.Do("INFO", "stats").(string), "total_net_output_bytes:")
		var bytes int
		_, _ = fmt.Sscan(rest, &bytes) // it is a number
		return bytes
	}
	before := sent()
	var list struct {
		Members []struct{ ID, Info string }
		Count   int
	}
	r, body := gatewaytest.Do(t, "GET", "http://"+g.Addr+"/members/1", "")
	if err := json.Unmarshal([]byte(body), &list); err != nil || r.StatusCode != 200 {
		t.Fatal(err, r.Status)
	}
	if list.Count != n || len(list.Members) != 300 {
		t.Fatalf("%d of %d are listed", len(list.Members), list.Count)
	}
	for i, m := range list.Members {
		if m.ID != fmt.Sprint(i) || len(m.Info) != 1000 {
			t.Fatalf("member %d is %.100v", i, m)
		}
	}
	if read := sent() - before; read > 1<<20 {
		t.Errorf("%d bytes were read", read)
	}
}
