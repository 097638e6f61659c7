package sse_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/caddy-sse/caddy-sse"
	sse "github.com/caddy-sse/caddy-sse/module"
)

// adapt turns a Caddyfile into JSON, and provisions it, as `caddy validate` does.
func adapt(t *testing.T, caddyfile string) (string, error) {
	t.Helper()
	body, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(caddyfile), map[string]any{"filename": "Caddyfile"})
	if err != nil {
		return "", err
	}
	for _, w := range warnings {
		if !strings.Contains(w.Message, "not formatted") {
			t.Error(w)
		}
	}
	var config *caddy.Config
	if err := json.Unmarshal(body, &config); err != nil {
		t.Fatal(err)
	}
	config.Admin = &caddy.AdminConfig{Disabled: true}
	return string(body), caddy.Validate(config)
}

func TestCaddyfile(t *testing.T) {
	t.Setenv("SSE_TEST_PASSWORD", "p@ss")
	got, err := adapt(t, `{
	sse {
		redis rediss://redis.example.com:6380/2 {
			username app
			password {env.SSE_TEST_PASSWORD}
			db 3
			client_name gateway
			dial_timeout 1s
			tls {
				server_name redis.internal
				insecure_skip_verify
			}
		}
		heartbeat off
		retry 5s
	}
}

:8080 {
	sse_subscribe /api/chat/rooms/*/subscribe chat:{path.3} {
		channel shared members:{http.request.header.X-User}
		format json
		event room-{sse.channel}
		greeting hello "you are in"
		heartbeat 10s
		retry 1m
		max_duration 1h
	}
	sse_publish /say/* chat:{path.1} {
		event note
		data {query.message}
		format text
		max_size 1MiB
	}
	reverse_proxy localhost:3000
}`)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"sse":{"redis":{"address":"rediss://redis.example.com:6380/2","username":"app","password":"{env.SSE_TEST_PASSWORD}","db":"3","client_name":"gateway","dial_timeout":1000000000,"tls":{"server_name":"redis.internal","insecure_skip_verify":true}},"heartbeat":-1,"retry":5000000000}`,
		`{"channels":["chat:{http.request.uri.path.3}","shared","members:{http.request.header.X-User}"],"event":"room-{sse.channel}","format":"json","greeting":{"data":"you are in","event":"hello"},"handler":"sse_subscribe","heartbeat":10000000000,"max_duration":3600000000000,"retry":60000000000}`,
		`{"channel":"chat:{http.request.uri.path.1}","data":"{http.request.uri.query.message}","event":"note","format":"text","handler":"sse_publish","max_size":1048576}`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%s\nlacks %s", got, want)
		}
	}
	for _, pair := range [][2]string{{"sse_subscribe", "reverse_proxy"}, {"sse_publish", "reverse_proxy"}} {
		if strings.Index(got, `"handler":"`+pair[0]) > strings.Index(got, `"handler":"`+pair[1]) {
			t.Errorf("%s comes after %s", pair[0], pair[1])
		}
	}
}

func TestSentinelCaddyfile(t *testing.T) {
	t.Setenv("SSE_TEST_SENTINELS", "10.0.0.2:26379,10.0.0.3:26379")
	t.Setenv("SSE_TEST_PASSWORD", "p@ss")
	got, err := adapt(t, `{
	sse {
		redis sentinel mymaster 10.0.0.1:26379 {env.SSE_TEST_SENTINELS} {
			username app
			password {env.SSE_TEST_PASSWORD}
			db 3
			tls {
				server_name redis.internal
			}
			sentinel_username gateway
			sentinel_password {env.SSE_TEST_PASSWORD}
			sentinel_tls {
				server_name sentinel.internal
			}
		}
	}
}

:8080 {
	sse_subscribe /events chat
}`)
	if err != nil {
		t.Fatal(err)
	}
	const want = `"sse":{"redis":{"sentinel":{"master":"mymaster","addresses":["10.0.0.1:26379","{env.SSE_TEST_SENTINELS}"],"username":"gateway","password":"{env.SSE_TEST_PASSWORD}","tls":{"server_name":"sentinel.internal"}},"username":"app","password":"{env.SSE_TEST_PASSWORD}","db":"3","tls":{"server_name":"redis.internal"}}}`
	if !strings.Contains(got, want) {
		t.Errorf("%s\nlacks %s", got, want)
	}
}

// A catch-all handle hides neither directive, and authentication and encode
// come first.
func TestOrder(t *testing.T) {
	got, err := adapt(t, `:8080 {
	handle {
		respond "the app"
	}
	sse_publish /say chat
	sse_subscribe /events chat
	encode
	basic_auth {
		Bob $2a$14$Zkx19XLiW6VYouLHR5NmfOFU0z2GTNmpkT/5qqR7hx4IjWJPDhjvG
	}
}`)
	if err != nil {
		t.Fatal(err)
	}
	at := 0
	for _, handler := range []string{"authentication", "encode", "sse_subscribe", "sse_publish", "static_response"} {
		i := strings.Index(got, `"handler":"`+handler+`"`)
		if i < at {
			t.Errorf("%s is not in its place:\n%s", handler, got)
		}
		at = i
	}
}

func TestClusterCaddyfile(t *testing.T) {
	t.Setenv("SSE_TEST_NODES", "10.0.0.2:6379 10.0.0.3:6379")
	got, err := adapt(t, `{
	sse {
		redis cluster 10.0.0.1:6379 {env.SSE_TEST_NODES} {
			username app
			db 0
			sharded
			address_map 10.9.9.8:6379 node1:6379
			address_map 10.9.9.9:6379 node2:6379
		}
	}
}

:8080 {
	sse_subscribe /events chat
}`)
	if err != nil {
		t.Fatal(err)
	}
	const want = `"sse":{"redis":{"cluster":{"addresses":["10.0.0.1:6379","{env.SSE_TEST_NODES}"],"sharded":true,"address_map":{"10.9.9.8:6379":"node1:6379","10.9.9.9:6379":"node2:6379"}},"username":"app","db":"0"}}`
	if !strings.Contains(got, want) {
		t.Errorf("%s\nlacks %s", got, want)
	}
}

func TestCaddyfileErrors(t *testing.T) {
	t.Setenv("SSE_TEST_DB", "1")
	for name, test := range map[string]struct{ option, site, want string }{
		"unknown option":          {"retries 3s", "", `unknown subdirective "retries": it is one of drain, gap_spread, heartbeat, limits, linger, memory, metrics, pending, presence_ttl, recent, redis, retry, write_timeout, at Caddyfile:3`},
		"repeated option":         {"retry 3s\nretry 4s", "", "retry stands here twice, at Caddyfile:4"},
		"two addresses":           {"redis a:1 b:2", "", "redis takes one address"},
		"bad scheme":              {"redis http://localhost", "", `unknown scheme "http": it is redis://, rediss:// (TLS) or unix://`},
		"bad URL":                 {"redis redis://u:s3cret%zz@localhost", "", "%-escapes"},
		"bad port":                {"redis redis://localhost:99999", "", "no port from 1 to 65535, at Caddyfile:3"},
		"bad query":               {"redis redis://localhost?frob=1", "", "cannot be used"},
		"no port":                 {"redis localhost", "", "neither host:port"},
		"bad db":                  {"redis localhost:6379 {\ndb x\n}", "", `db "x" is not a number`},
		"unknown redis setting":   {"redis localhost:6379 {\npool 3\n}", "", `unknown subdirective "pool"`},
		"unknown tls setting":     {"redis localhost:6379 {\ntls {\ninsecure\n}\n}", "", `unknown subdirective "insecure"`},
		"embedded in public":      {"redis embedded 0.0.0.0:6379", "", "not a loopback address"},
		"embedded with a block":   {"redis embedded {\ndb 1\n}", "", `unknown subdirective "db"`},
		"heartbeat of three":      {"heartbeat 1s event 2s", "", "heartbeat is heartbeat <duration> [comment|event], like 25s, or heartbeat off"},
		"bad heartbeat":           {"heartbeat often", "", `heartbeat: "often" is not a duration, like 25s or 1m, or off`},
		"negative retry":          {"retry -3s", "", "retry is a duration from 100ms to 24h, not -3s, at Caddyfile:3"},
		"missing placeholder":     {"redis {env.SSE_TEST_UNSET}", "", "is empty"},
		"a mapping twice":         {"redis cluster a:1 {\naddress_map b:1 c:1\naddress_map b:1 d:1\n}", "", "address_map of b:1 stands here twice, at Caddyfile:5"},
		"a mapping to nothing":    {"redis cluster a:1 {\naddress_map b:1\n}", "", "address_map takes an address"},
		"line of a cluster":       {"redis a:1 {\naddress_map b:1 c:1\n}", "", `unknown subdirective "address_map"`},
		"database of a cluster":   {"redis cluster a:1 {\ndb {env.SSE_TEST_DB}\n}", "", "a cluster has no database but 0"},
		"sentinels by nothing":    {"redis sentinel mymaster {env.SSE_TEST_UNSET}", "", "is empty"},
		"line of sentinels":       {"redis a:1 {\nsentinel_password x\n}", "", `unknown subdirective "sentinel_password"`},
		"missing file":            {"redis localhost:6379 {\ntls {\nca /nowhere.pem\n}\n}", "", "tls ca: open /nowhere.pem"},
		"cert without key":        {"redis localhost:6379 {\ntls {\ncert /nowhere.pem\n}\n}", "", "belong together"},
		"no channel":              {"", "sse_subscribe /x", "sse_subscribe needs at least one channel, at Caddyfile:6"},
		"bad channel":             {"", `sse_subscribe /x "a b"`, "must not hold spaces"},
		"channel without name":    {"", "sse_subscribe /x {\nchannel\n}", "channel needs a name"},
		"channel twice":           {"", "sse_subscribe /x a {\nchannel a\n}", "channel a stands here twice"},
		"bad format":              {"", "sse_subscribe /x a {\nformat xml\n}", `unknown format "xml": it is text or json`},
		"format twice":            {"", "sse_subscribe /x a {\nformat text\nformat text\n}", "format stands here twice, at Caddyfile:8"},
		"greeting of three":       {"", "sse_subscribe /x a {\ngreeting a b c\n}", "greeting takes"},
		"bad max_duration":        {"", "sse_subscribe /x a {\nmax_duration x\n}", `max_duration: "x" is not a duration`},
		"unknown in subscribe":    {"", "sse_subscribe /x a {\nchannels b\n}", `unknown subdirective "channels": it is one of after_end, allow, away, channel,`},
		"a block too many":        {"", "sse_subscribe /x a {\nformat text {\nx\n}\n}", "there is no block here"},
		"publish without channel": {"", "sse_publish /x", "sse_publish needs a channel"},
		"publish to two":          {"", "sse_publish /x a b", "sse_publish takes one channel"},
		"publish to two, block":   {"", "sse_publish /x a {\nchannel b\n}", "sse_publish takes one channel"},
		"bad max_size":            {"", "sse_publish /x a {\nmax_size 1 MiB\n}", "max_size takes one size"},
		"nine histories":          {"", "sse_subscribe /x a b c d e f g h i {\nhistory\n}", "takes 8 channels at most, not 9"},
		"bad history":             {"", "sse_subscribe /x a {\nhistory newest 5\n}", `history: "newest" is not expected here`},
		"history without number":  {"", "sse_subscribe /x a {\nhistory last\n}", "last needs a number"},
		"history last none":       {"", "sse_subscribe /x a {\nhistory last 0\n}", `last "0" is not a number of events, 1 to 100000`},
		"history last above max":  {"", "sse_subscribe /x a {\nhistory last 50 max 10\n}", "last is at most max"},
		"recent of a word":        {"recent many", "", `recent: "many" is not a number of events`},
		"recent of no size":       {"recent 100 much", "", `recent: "much" is not a size`},
		"recent in subscribe":     {"", "sse_subscribe /x a {\nrecent 1 2 3\n}", "recent takes a number of events"},
		"bad linger":              {"linger long", "", `linger: "long" is not a duration, like 25s or 1m, or 0`},
		"bad gap spread":          {"gap_spread 10ms", "", "gap_spread is a duration from 100ms to 24h, not 10ms"},
		"bad memory":              {"memory 0", "", `memory: "0" is not a size`},
		"no size":                 {"", "sse_publish /x a {\nmax_size 0\n}", `max_size: "0" is not a size`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := adapt(t, "{\n\tsse {\n"+test.option+"\n}\n}\n:8080 {\n"+test.site+"\n}")
			if test.option == "" {
				_, err = adapt(t, "{\n\tsse {\n\t}\n}\n:8080 {\n"+test.site+"\n}")
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v\nwant %s", err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), "s3cret") {
				t.Errorf("the error shows a secret: %v", err)
			}
		})
	}
}

func TestWithoutTheOption(t *testing.T) {
	if _, err := adapt(t, ":8080 {\n\tsse_subscribe /x a {\n\t\tmax_duration 0\n\t}\n}"); err != nil {
		t.Error(err)
	}
}

func TestPasswordFromFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "redis")
	if err := os.WriteFile(file, []byte("p{a}ss/@\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := adapt(t, "{\n\tsse {\n\t\tredis localhost:6379 {\n\t\t\tpassword {file."+file+"}\n\t\t}\n\t}\n}\n:8080"); err != nil {
		t.Error(err)
	}
}

func FuzzCheckChannel(f *testing.F) {
	for _, name := range []string{"", "chat:42", "a b", "*", strings.Repeat("x", 257), "\xff", "\u00a0", "\x00"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if sse.CheckChannel(name) == nil && (name == "" || len(name) > 256 || strings.ContainsAny(name, " \r\n\t\x00\x7f")) {
			t.Errorf("%q is taken", name)
		}
	})
}
