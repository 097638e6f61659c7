package handlers_test

import (
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"

	"github.com/caddy-sse/caddy-sse/internal/configtest"
)

// What is wrong is refused in the same words, in the Caddyfile with its line, and
// in JSON. It runs alone: Caddy provisions one configuration at a time.
func TestTheSameIsWrongInCaddyfileAndJSON(t *testing.T) {
	const duration, long, size = "is a duration from 100ms to 24h, not ", "is a duration from 100ms to 8760h, not ", "is a size from 4KiB to "
	for _, c := range []struct{ directive, line, json, want string }{
		{"sse", "heartbeat 25s events", `"heartbeat": "25s", "heartbeat_as": "events"`, `heartbeat: "events" is not what a heartbeat can be: it is comment or event`},
		{"sse", "heartbeat off event", `"heartbeat": -1, "heartbeat_as": "event"`, "heartbeat is off, so it is no event"},
		{"sse", "heartbeat 25ns", `"heartbeat": 25`, "heartbeat " + duration + "25ns"},
		{"sse", "retry 25ns", `"retry": 25`, "retry " + duration + "25ns"},
		{"sse", "retry -3s", `"retry": "-3s"`, "retry " + duration + "-3s"},
		{"sse", "retry 25h", `"retry": "25h"`, "retry " + duration + "25h"},
		{"sse", "write_timeout 99ms", `"write_timeout": "99ms"`, "write_timeout " + duration + "99ms"},
		{"sse", "drain 5us", `"drain": 5000`, "drain " + duration + "5µs"},
		{"sse", "linger 60ns", `"linger": 60`, "linger " + long + "60ns"},
		{"sse", "presence_ttl 30ns", `"presence_ttl": 30`, "presence_ttl is a duration from 1s to 24h, not 30ns"},
		{"sse", "pending 100B", `"pending": 100`, "pending " + size},
		{"sse", "gap_spread 1ms", `"gap_spread": 1000000`, "gap_spread is a duration from 100ms to 24h"},
		{"sse", "memory 1KiB", `"memory": 1024`, "memory is a size from 64KiB to "},
		{"sse", "recent -1", `"recent": {"events": -1}`, "recent: the number of events is a whole number from 0 to 1000000, not -1"},
		{"sse", "recent 1000001", `"recent": {"events": 1000001}`, "recent: the number of events is a whole number from 0 to 1000000, not 1000001"},
		{"sse", "limits {\nsubscribers_per_ip -1\n}", `"limits": {"subscribers_per_ip": -1}`, "subscribers_per_ip is a whole number from 1 to 1000000000, not -1"},
		{"sse", "limits {\nsubscribers 1000000001\n}", `"limits": {"subscribers": 1000000001}`, "subscribers is a whole number from 1 to 1000000000, not 1000000001"},
		{"sse", "limits {\npublish_rate -1/s\n}", `"limits": {"publish_rate": -1}`, "publish_rate is a rate above zero and up to 1000000000 a second, not -1"},
		{"sse", "limits {\noverload crash\n}", `"limits": {"overload": "crash"}`, `overload is busy or refuse, not "crash"`},
		{"sse", "metrics {\nmax 10001\n}", `"metrics": {"max": 10001}`, "max is a whole number from 1 to 10000, not 10001"},
		{"sse", "metrics {\nper_channel \"\"\n}", `"metrics": {"per_channel": [""]}`, `per_channel "" is not a pattern`},
		{"sse", "redis localhost:6379 {\ndial_timeout 3ns\n}", `"redis": {"dial_timeout": 3}`, "dial_timeout is a duration from 100ms to 1m, not 3ns"},
		{"sse", "redis localhost:6379 {\nclient_name \"a b\"\n}", `"redis": {"client_name": "a b"}`, "Redis allows no spaces in it"},
		{"sse", "redis localhost:6379 {\ndb -1\n}", `"redis": {"db": "-1"}`, `db "-1" is not a number from 0`},
		{"sse", "redis localhost", `"redis": {"address": "localhost"}`, "neither host:port"},
		{"sse", "", `"redis": {"embedded": "127.0.0.1:6379", "db": "1"}`, "no setting but keyspace_notifications"},
		{"sse", "redis embedded 192.0.2.1:6379", `"redis": {"embedded": "192.0.2.1:6379"}`, "not a loopback address"},

		{"sse", "redis sentinel", `"redis": {"sentinel": {}}`, "redis sentinel needs the name by which the sentinels know the master"},
		{"sse", "redis sentinel mymaster", `"redis": {"sentinel": {"master": "mymaster"}}`, "redis sentinel needs the addresses of sentinels"},
		{"sse", "redis sentinel mymaster a", `"redis": {"sentinel": {"master": "mymaster", "addresses": ["a"]}}`, `"a" is not the host:port of a sentinel`},
		{"sse", "redis sentinel mymaster a:1 a:1", `"redis": {"sentinel": {"master": "mymaster", "addresses": ["a:1", "a:1"]}}`, "a:1 stands here twice"},
		{"sse", "redis sentinel mymaster a:1 {\ndb x\n}", `"redis": {"sentinel": {"master": "mymaster", "addresses": ["a:1"]}, "db": "x"}`, `db "x" is not a number from 0`},
		{"sse", "redis sentinel mymaster a:1 {\nsentinel_tls {\ncert a\n}\n}", `"redis": {"sentinel": {"master": "mymaster", "addresses": ["a:1"], "tls": {"cert": "a"}}}`, "cert and key belong together"},
		{"sse", "redis cluster", `"redis": {"cluster": {}}`, "redis cluster needs the address of at least one node"},
		{"sse", "redis cluster a", `"redis": {"cluster": {"addresses": ["a"]}}`, `"a" is not the host:port of a node`},
		{"sse", "redis cluster a:1 a:1", `"redis": {"cluster": {"addresses": ["a:1", "a:1"]}}`, "a:1 stands here twice"},
		{"sse", "redis cluster a:1 {\ndb 1\n}", `"redis": {"cluster": {"addresses": ["a:1"]}, "db": "1"}`, "a cluster has no database but 0"},
		{"sse", "redis cluster a:1 {\naddress_map a b:1\n}", `"redis": {"cluster": {"addresses": ["a:1"], "address_map": {"a": "b:1"}}}`, `host:port, which "a" is not`},
		{"sse", "", `"redis": {"address": "a:1", "cluster": {"addresses": ["a:1"]}}`, "a cluster takes the place of an address"},
		{"sse", "", `"redis": {"address": "a:1", "sentinel": {"master": "mymaster", "addresses": ["a:1"]}}`, "sentinels take the place of an address"},

		{"sse_subscribe", `allow ""`, `"channels": ["c"], "allow": [""]`, "allow: a pattern is empty"},
		{"sse_subscribe", "allow {query.channels}", `"channels": ["c"], "allow": ["{http.request.uri.query.channels}"]`, "would allow it everything"},
		{"sse_history", `allow ""`, `"channel": "c", "allow": [""]`, "allow: a pattern is empty"},
		{"sse_presence", `allow ""`, `"channel": "c", "allow": [""]`, "allow: a pattern is empty"},
		{"sse_publish", `allow ""`, `"channel": "c", "allow": [""]`, "allow: a pattern is empty"},
		{"sse_relay", `allow ""`, `"channel": "c", "allow": [""]`, "allow: a pattern is empty"},
		{"sse_subscribe", "signed 0123456789abcdef", `"channels": ["c"], "signed": ["0123456789abcdef"]`, "leave out the channel"},
		{"sse_history", "signed 0123456789abcdef", `"channel": "c", "signed": ["0123456789abcdef"]`, "leave out the channel"},
		{"sse_subscribe", `channel "a b"`, `"channels": ["c", "a b"]`, "must not hold spaces"},
		{"sse_subscribe", `channel ""`, `"channels": ["c", ""]`, "must not be empty"},
		{"sse_subscribe", "channel sse.x", `"channels": ["c", "sse.x"]`, "must not begin with sse."},
		{"sse_subscribe", "channel c", `"channels": ["c", "c"]`, "channel c stands here twice"},
		{"sse_subscribe", "format xml", `"channels": ["c"], "format": "xml"`, `unknown format "xml": it is text or json`},
		{"sse_subscribe", "event \"a\nb\"", `"channels": ["c"], "event": "a\nb"`, "event is the type of an event, which must not hold a line end"},
		{"sse_subscribe", `greeting ""`, `"channels": ["c"], "greeting": {}`, "greeting needs data"},
		{"sse_subscribe", "greeting \"a\nb\" c", `"channels": ["c"], "greeting": {"event": "a\nb", "data": "c"}`, "greeting: event is the type of an event, which must not hold a line end"},
		{"sse_subscribe", "heartbeat off comment", `"channels": ["c"], "heartbeat": -1, "heartbeat_as": "comment"`, "heartbeat is off, so it is no comment"},
		{"sse_subscribe", "heartbeat 25ns", `"channels": ["c"], "heartbeat": 25`, "heartbeat " + duration + "25ns"},
		{"sse_subscribe", "retry 3us", `"channels": ["c"], "retry": 3000`, "retry " + duration + "3µs"},
		{"sse_subscribe", "max_duration 1ns", `"channels": ["c"], "max_duration": 1`, "max_duration " + long + "1ns"},
		{"sse_subscribe", "write_timeout 1ns", `"channels": ["c"], "write_timeout": 1`, "write_timeout " + duration + "1ns"},
		{"sse_subscribe", "linger 9000h", `"channels": ["c"], "linger": "9000h"`, "linger " + long + "9000h"},
		{"sse_subscribe", "pending 1B", `"channels": ["c"], "pending": 1`, "pending " + size},
		{"sse_subscribe", "history last -1", `"channels": ["c"], "history": {"last": -1}`, "history: last is a whole number from 1 to 100000, not -1"},
		{"sse_subscribe", "history max 100001", `"channels": ["c"], "history": {"max": 100001}`, "history: max is a whole number from 1 to 100000, not 100001"},
		{"sse_subscribe", "history last 5 max 4", `"channels": ["c"], "history": {"last": 5, "max": 4}`, "history: last is at most max"},
		{"sse_subscribe", "history all last 5", `"channels": ["c"], "history": {"all": true, "last": 5}`, "history all takes one channel, and no last"},
		{"sse_subscribe", "channel d\nhistory all", `"channels": ["c", "d"], "history": {"all": true}`, "history all takes one channel, and no last"},
		{"sse_subscribe", "ends", `"channels": ["c"], "ends": {}`, "ends needs history all"},
		{"sse_subscribe", "history last 5\nends", `"channels": ["c"], "history": {"last": 5}, "ends": {}`, "ends needs history all"},
		{"sse_subscribe", "history all\nends\nend_event \"a\nb\"", `"channels": ["c"], "history": {"all": true}, "ends": {"event": "a\nb"}`, "end_event is the type of an event, which must not hold a line end"},
		{"sse_subscribe", "history all\nends\nnone 500", `"channels": ["c"], "history": {"all": true}, "ends": {"none": "500"}`, `none is 204, empty or 404, not "500"`},
		{"sse_subscribe", "history all\nends\nafter_end 404", `"channels": ["c"], "history": {"all": true}, "ends": {"after_end": "404"}`, `after_end is replay or 204, not "404"`},
		{"sse_subscribe", "history all\nends\nsay lost \"\"", `"channels": ["c"], "history": {"all": true}, "ends": {"say": [{"at": "lost"}]}`, "say lost needs data"},
		{"sse_subscribe", "history all\nends\nsay error " + strings.Repeat("x", 4097), `"channels": ["c"], "history": {"all": true}, "ends": {"say": [{"at": "error", "data": "` + strings.Repeat("x", 4097) + `"}]}`, "say error has 4097 bytes: it may have 4096"},
		{"sse_subscribe", "history all\nends\nsay stopped \"a\nb\" c", `"channels": ["c"], "history": {"all": true}, "ends": {"say": [{"at": "stopped", "event": "a\nb", "data": "c"}]}`, "say: event is the type of an event, which must not hold a line end"},
		{"sse_subscribe", "history all\nends\nsay done a", `"channels": ["c"], "history": {"all": true}, "ends": {"say": [{"at": "done", "data": "a"}]}`, `say: "done" is none of error, stopped and lost`},
		{"sse_subscribe", "history all\nends\nsay lost a\nsay lost b", `"channels": ["c"], "history": {"all": true}, "ends": {"say": [{"at": "lost", "data": "a"}, {"at": "lost", "data": "b"}]}`, "say lost stands here twice"},
		{"sse_subscribe", "recent -1", `"channels": ["c"], "recent": {"events": -1}`, "recent: the number of events is a whole number"},
		{"sse_subscribe", "presence u {\nlinger 5ns\n}", `"channels": ["c"], "presence": {"member": "u", "linger": 5}`, "linger " + duration + "5ns"},
		{"sse_subscribe", "presence u {\nchannel \"a b\"\n}", `"channels": ["c"], "presence": {"member": "u", "channels": ["a b"]}`, "must not hold spaces"},
		{"sse_subscribe", "presence " + strings.Repeat("u", 129), `"channels": ["c"], "presence": {"member": "` + strings.Repeat("u", 129) + `"}`, "a member must not be longer than 128 bytes"},
		{"sse_publish", "from_response\ndata {sse.form.a}", `"channel": "c", "from_response": true, "data": "{sse.form.a}"`, "{sse.form.…} does not go with from_response"},
		{"sse_subscribe", "event {sse.chanel}", `"channels": ["c"], "event": "{sse.chanel}"`, "{sse.chanel} has no value here: there are {sse.channel}, {sse.form.<name>}, {sse.response.json.<path>}, {sse.request.json.<path>} and {sse.relay.id}"},
		{"sse_subscribe", "event a-{sse.form.a}", `"channels": ["c"], "event": "a-{sse.form.a}"`, "{sse.form.a} has no value here: it has one in sse_publish without from_response"},
		{"sse_subscribe", "channel chat:{sse.channel}", `"channels": ["c", "chat:{sse.channel}"]`, "{sse.channel} has no value here: it has one in event of sse_subscribe"},
		{"sse_subscribe", "greeting hi {path}{sse.response.json.a}", `"channels": ["c"], "greeting": {"data": "{http.request.uri.path}{sse.response.json.a}"}`, "{sse.response.json.a} has no value here: it has one in sse_publish with from_response"},
		{"sse_subscribe", "greeting {sse.channel} hi", `"channels": ["c"], "greeting": {"event": "{sse.channel}", "data": "hi"}`, "{sse.channel} has no value here"},
		{"sse_subscribe", "presence {sse.form.user}", `"channels": ["c"], "presence": {"member": "{sse.form.user}"}`, "{sse.form.user} has no value here"},
		{"sse_subscribe", "presence u `{\"a\":\"{sse.channel}\"}`", `"channels": ["c"], "presence": {"member": "u", "info": "{\"a\":\"{sse.channel}\"}"}`, "{sse.channel} has no value here"},
		{"sse_subscribe", "presence u {\nchannel {sse.x}\n}", `"channels": ["c"], "presence": {"member": "u", "channels": ["{sse.x}"]}`, "{sse.x} has no value here"},
		{"sse_subscribe", "from_response", `"channels": ["c"], "from_response": true`, "from_response has the app's answer name the channels: leave out channel and signed"},
		{"sse_relay", "conflict wait", `"channel": "c", "conflict": "wait"`, `conflict is join or refuse, not "wait"`},
		{"sse_relay", "from body", `"channel": "c", "from": "body"`, `from is head or request, not "body"`},
		{"sse_relay", "max_events 100001", `"channel": "c", "max_events": 100001`, "max_events is a whole number from 1 to 100000, not 100001"},
		{"sse_relay", "max_size 1B", `"channel": "c", "max_size": 1`, "max_size is a size from 1KiB to "},
		{"sse_relay", "max_body 1GiB", `"channel": "c", "max_body": 1073741824`, "max_body is a size from 1B to 512MiB"},
		{"sse_relay", "ttl 1s", `"channel": "c", "ttl": "1s"`, "ttl is a duration from 1m to 8760h, not 1s"},
		{"sse_relay", "abandon 1s", `"channel": "c", "abandon": "1s"`, "abandon is a duration from 10s to 24h, not 1s"},
		{"sse_relay", "window 2s", `"channel": "c", "window": "2s"`, "window is a duration from 1ms to 1s, not 2s"},
		{"sse_relay", "resume /{sse.response.json.a}", `"channel": "c", "resume": "/{sse.response.json.a}"`, "{sse.response.json.a} has no value here: it has one in sse_publish with from_response"},
		{"sse_publish", "data {sse.relay.id}", `"channel": "c", "data": "{sse.relay.id}"`, "{sse.relay.id} has no value here: it has one in sse_relay"},
		{"sse_publish", "data {sse.form}", `"channel": "c", "data": "{sse.form}"`, "{sse.form} has no value here"},
		{"sse_publish", "data {sse.form.}", `"channel": "c", "data": "{sse.form.}"`, "{sse.form.} has no value here"},
		{"sse_publish", "event {sse.channel}", `"channel": "c", "event": "{sse.channel}"`, "{sse.channel} has no value here"},
		{"sse_publish", "data {sse.response.json.a}", `"channel": "c", "data": "{sse.response.json.a}"`, "{sse.response.json.a} has no value here: it has one in sse_publish with from_response"},
		{"sse_publish", "data {sse.response.body}\nfrom_response", `"channel": "c", "data": "{sse.response.body}", "from_response": true`, "{sse.response.body} has no value here"},
		{"sse_subscribe", `greeting "" hi`, `"channels": ["c"], "greeting": {"event": "a"}`, "greeting"},
		{"sse_subscribe", `presence u ""`, `"channels": ["c"], "presence": {"info": "a"}`, "presence"},
		{"sse_subscribe", "cors example.com", `"channels": ["c"], "cors": ["example.com"]`, "is not an origin, like https://app.example.com"},
		{"sse_subscribe", "cors https://example.com:443", `"channels": ["c"], "cors": ["https://example.com:443"]`, "browsers leave the scheme's own port out"},
		{"sse_subscribe", "cors * https://a.example.com", `"channels": ["c"], "cors": ["*", "https://a.example.com"]`, "it stands alone"},
		{"sse_subscribe", "limits {\nconnect_rate -2/s\n}", `"channels": ["c"], "limits": {"connect_rate": -2}`, "connect_rate is a rate above zero"},
		{"sse_subscribe", "limits {\nsubscribers_per_member 1\n}", `"channels": ["c"], "limits": {"subscribers_per_member": 1}`, "subscribers_per_member needs presence"},
		{"sse_subscribe", "gate {\n}", `"channels": ["c"], "gate": []`, "gate is empty, and would let everyone in"},
		{"sse_subscribe", "gate {\n}", `"channels": ["c"], "gate": null`, "gate is empty, and would let everyone in"},
		{"sse_subscribe", "gate {\n@m path /x\n}", `"channels": ["c"], "gate": [{"handle": [{"handler": "subroute"}]}]`, "gate is empty, and would let everyone in"},
		{"sse_subscribe", "gate {\nhandle {\n}\n}", `"channels": ["c"], "gate": [{"handle": [{"handler": "subroute", "routes": []}]}]`, "gate is empty, and would let everyone in"},
		{"sse_subscribe", "", `"channels": ["c"], "gate": [{}]`, "gate has a route without handlers, which would let everyone in"},
		{"sse_subscribe", "", `"channels": ["c"], "gate": [{"match": [{"path": ["/x"]}]}]`, "gate has a route without handlers, which would let everyone in"},
		{"sse_subscribe", "", `"channels": ["c"], "gate": [{"handle": [{"handler": "subroute", "routes": [{"match": [{"path": ["/x"]}]}]}]}]`, "gate has a route without handlers"},

		{"sse_publish", "format xml", `"channel": "c", "format": "xml"`, `unknown format "xml"`},
		{"sse_publish", "event \"a\nb\"", `"channel": "c", "event": "a\nb"`, "must not hold a line end"},
		{"sse_publish", "max_size 1GiB", `"channel": "c", "max_size": 1073741824`, "max_size is a size from 1B to 512MiB, not 1GiB"},
		{"sse_publish", "", `"channel": "c", "max_size": -1`, "max_size is a size from 1B to 512MiB, not -1"},
		{"sse_publish", "store maxlen 1000000001", `"channel": "c", "store": {"maxlen": 1000000001}`, "store: maxlen is a whole number from 1 to 1000000000, not 1000000001"},
		{"sse_publish", "store wait 101 1s", `"channel": "c", "store": {"wait": {"replicas": 101, "timeout": 1000000000}}`, "store: wait: replicas is a whole number from 1 to 100, not 101"},
		{"sse_publish", "store wait 1 3s", `"channel": "c", "store": {"wait": {"replicas": 1, "timeout": 3000000000}}`, "store: wait: timeout is a duration from 1ms to 2s, not 3s"},
		{"sse_publish", "store ttl 5ns", `"channel": "c", "store": {"ttl": 5}`, "store: ttl is a duration from 1ms to 876000h, not 5ns"},
		{"sse_history", "limit 1001", `"channel": "c", "limit": 1001`, "limit is a whole number from 1 to 1000, not 1001"},
		{"sse_history", "limit -1", `"channel": "c", "limit": -1`, "limit is a whole number from 1 to 1000, not -1"},
		{"sse_history", "format xml", `"channel": "c", "format": "xml"`, `unknown format "xml"`},
		{"sse_token", "", `"from": []`, "sse_token needs one of secret, key_file, jwks and jwks_file"},
		{"sse_token", "secret a\nkey_file b", `"secret": "a", "key_file": "b"`, "sse_token needs one of secret, key_file, jwks and jwks_file"},
		{"sse_token", "secret short", `"secret": "short"`, "the secret has 5 bytes: HS256 needs 32 or more"},
		{"sse_token", "secret {env.NOBODY_SETS_THIS}", `"secret": "{env.NOBODY_SETS_THIS}"`, "NOBODY_SETS_THIS"},
		{"sse_token", "secret 0123456789abcdef0123456789abcdef\nalgorithms RS256", `"secret": "0123456789abcdef0123456789abcdef", "algorithms": ["RS256"]`, `algorithm "RS256" is not one for this key`},
		{"sse_token", "jwks https://a.example.com\nalgorithms none", `"jwks": "https://a.example.com", "algorithms": ["none"]`, `algorithm "none" is not one for this key`},
		{"sse_token", "jwks file:///keys", `"jwks": "file:///keys"`, "jwks is no URL of http or https"},
		{"sse_token", "key_file /nobody/has/this", `"key_file": "/nobody/has/this"`, "key_file: open /nobody/has/this"},
		{"sse_token", "jwks https://a.example.com\nfrom body a", `"jwks": "https://a.example.com", "from": [{"in": "body", "name": "a"}]`, `from "body" is not known: it is cookie, header or query`},
		{"sse_token", "jwks https://a.example.com\nfrom cookie", `"jwks": "https://a.example.com", "from": [{"in": "cookie"}]`, "from cookie needs a name"},
		{"sse_token", "jwks https://a.example.com\nleeway 2h", `"jwks": "https://a.example.com", "leeway": "2h"`, "leeway is a duration"},
		{"sse_token", "jwks https://a.example.com\nexpired later", `"jwks": "https://a.example.com", "expired": "later"`, `expired "later" is not known: it is busy or refuse`},
		{"sse_presence", "limit 100001", `"channel": "c", "limit": 100001`, "limit is a whole number from 1 to 100000, not 100001"},
	} {
		if c.line != "" {
			file := ":8080 {\n" + c.directive + " c {\n" + c.line + "\n}\n}"
			if c.directive == "sse_token" {
				file = ":8080 {\nsse_token {\n" + c.line + "\n}\n}"
			}
			if c.directive == "sse" {
				file = "{\nsse {\n" + c.line + "\n}\n}\n:8080 {\nsse_health\n}"
			}
			body, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(file), map[string]any{"filename": "Caddyfile"})
			if err == nil {
				err = configtest.Validate(t, string(body))
			} else if !strings.Contains(err.Error(), "at Caddyfile:") {
				t.Errorf("%s: the error has no line: %v", c.line, err)
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Caddyfile: %s\ngot %v\nwant %s", c.line, err, c.want)
			}
		}
		app, handler := "{}", `{"handler": "`+c.directive+`", `+c.json+`}`
		if c.directive == "sse" {
			app, handler = "{"+c.json+"}", `{"handler": "sse_health"}`
		}
		config := `{"apps": {"sse": ` + app + `, "http": {"servers": {"s": {"listen": [":8080"], "routes": [{"handle": [` + handler + `]}]}}}}}`
		if err := configtest.Validate(t, config); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("JSON: %s\ngot %v\nwant %s", c.json, err, c.want)
		}
	}
}

// What is at the bounds, or turned off, is taken. It runs alone, too.
func TestWhatIsRightInJSON(t *testing.T) {
	for _, c := range []struct{ app, handler string }{
		{`{"heartbeat": -1, "drain": -1, "linger": -1, "recent": {"events": 0}, "limits": {"subscribers": -1, "channels": -1}}`, `{"handler": "sse_health"}`},
		{`{"heartbeat": "100ms", "retry": "24h", "linger": "365d", "pending": 4096, "memory": 65536, "gap_spread": "100ms", "presence_ttl": "1s"}`, `{"handler": "sse_health"}`},
		{`{}`, `{"handler": "sse_subscribe", "channels": ["c"], "gate": [{"handle": [{"handler": "static_response", "status_code": 403}]}]}`},
		{`{}`, `{"handler": "sse_subscribe", "channels": ["c"], "heartbeat": -1, "linger": -1, "presence": {"member": "u", "linger": -1}}`},
		{`{}`, `{"handler": "sse_publish", "channel": "c", "max_size": 536870912, "store": {"maxlen": -1, "ttl": 1000000}}`},
		{`{}`, `{"handler": "sse_publish", "channel": "c:{sse.response.json.a}", "event": "{sse.response.json.b}", "data": "\\{sse.x}{sse.response.json.c.0}", "from_response": true}`},
		{`{}`, `{"handler": "sse_publish", "channel": "c:{sse.form.a}", "data": "{sse.form.a b}"}`},
		{`{}`, `{"handler": "sse_subscribe", "channels": ["c"], "event": "{sse.channel}"}`},
	} {
		config := `{"apps": {"sse": ` + c.app + `, "http": {"servers": {"s": {"listen": [":8080"], "routes": [{"handle": [` + c.handler + `]}]}}}}}`
		if err := configtest.Validate(t, config); err != nil {
			t.Errorf("%s %s: %v", c.app, c.handler, err)
		}
	}
}
