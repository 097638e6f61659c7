package handlers_test

import (
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"
)

// What is wrong is refused in the same words, in the Caddyfile with its line, and
// in JSON. It runs alone: Caddy provisions one configuration at a time.
func TestTheSameIsWrongInCaddyfileAndJSON(t *testing.T) {
	const duration, long, size = "is a duration from 100ms to 24h, not ", "is a duration from 100ms to 8760h, not ", "is a size from 4KiB to "
	for _, c := range []struct{ directive, line, json, want string }{
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

		{"sse_subscribe", `channel "a b"`, `"channels": ["c", "a b"]`, "must not hold spaces"},
		{"sse_subscribe", `channel ""`, `"channels": ["c", ""]`, "must not be empty"},
		{"sse_subscribe", "channel sse.x", `"channels": ["c", "sse.x"]`, "must not begin with sse."},
		{"sse_subscribe", "channel c", `"channels": ["c", "c"]`, "channel c stands here twice"},
		{"sse_subscribe", "format xml", `"channels": ["c"], "format": "xml"`, `unknown format "xml": it is text or json`},
		{"sse_subscribe", "event \"a\nb\"", `"channels": ["c"], "event": "a\nb"`, "event is the type of an event, which must not hold a line end"},
		{"sse_subscribe", `greeting ""`, `"channels": ["c"], "greeting": {}`, "greeting needs data"},
		{"sse_subscribe", "greeting \"a\nb\" c", `"channels": ["c"], "greeting": {"event": "a\nb", "data": "c"}`, "greeting: event is the type of an event, which must not hold a line end"},
		{"sse_subscribe", "heartbeat 25ns", `"channels": ["c"], "heartbeat": 25`, "heartbeat " + duration + "25ns"},
		{"sse_subscribe", "retry 3us", `"channels": ["c"], "retry": 3000`, "retry " + duration + "3µs"},
		{"sse_subscribe", "max_duration 1ns", `"channels": ["c"], "max_duration": 1`, "max_duration " + long + "1ns"},
		{"sse_subscribe", "write_timeout 1ns", `"channels": ["c"], "write_timeout": 1`, "write_timeout " + duration + "1ns"},
		{"sse_subscribe", "linger 9000h", `"channels": ["c"], "linger": "9000h"`, "linger " + long + "9000h"},
		{"sse_subscribe", "pending 1B", `"channels": ["c"], "pending": 1`, "pending " + size},
		{"sse_subscribe", "history last -1", `"channels": ["c"], "history": {"last": -1}`, "history: last is a whole number from 1 to 100000, not -1"},
		{"sse_subscribe", "history max 100001", `"channels": ["c"], "history": {"max": 100001}`, "history: max is a whole number from 1 to 100000, not 100001"},
		{"sse_subscribe", "history last 5 max 4", `"channels": ["c"], "history": {"last": 5, "max": 4}`, "history: last is at most max"},
		{"sse_subscribe", "recent -1", `"channels": ["c"], "recent": {"events": -1}`, "recent: the number of events is a whole number"},
		{"sse_subscribe", "presence u {\nlinger 5ns\n}", `"channels": ["c"], "presence": {"member": "u", "linger": 5}`, "linger " + duration + "5ns"},
		{"sse_subscribe", "presence u {\nchannel \"a b\"\n}", `"channels": ["c"], "presence": {"member": "u", "channels": ["a b"]}`, "must not hold spaces"},
		{"sse_subscribe", "presence " + strings.Repeat("u", 129), `"channels": ["c"], "presence": {"member": "` + strings.Repeat("u", 129) + `"}`, "a member must not be longer than 128 bytes"},
		{"sse_publish", "from_response\ndata {sse.form.a}", `"channel": "c", "from_response": true, "data": "{sse.form.a}"`, "{sse.form.…} does not go with from_response"},
		{"sse_subscribe", "event {sse.chanel}", `"channels": ["c"], "event": "{sse.chanel}"`, "{sse.chanel} has no value here: there are {sse.channel}, {sse.form.<name>} and {sse.response.json.<path>}"},
		{"sse_subscribe", "event a-{sse.form.a}", `"channels": ["c"], "event": "a-{sse.form.a}"`, "{sse.form.a} has no value here: it has one in sse_publish without from_response"},
		{"sse_subscribe", "channel chat:{sse.channel}", `"channels": ["c", "chat:{sse.channel}"]`, "{sse.channel} has no value here: it has one in event of sse_subscribe"},
		{"sse_subscribe", "greeting hi {path}{sse.response.json.a}", `"channels": ["c"], "greeting": {"data": "{http.request.uri.path}{sse.response.json.a}"}`, "{sse.response.json.a} has no value here: it has one in sse_publish with from_response"},
		{"sse_subscribe", "greeting {sse.channel} hi", `"channels": ["c"], "greeting": {"event": "{sse.channel}", "data": "hi"}`, "{sse.channel} has no value here"},
		{"sse_subscribe", "presence {sse.form.user}", `"channels": ["c"], "presence": {"member": "{sse.form.user}"}`, "{sse.form.user} has no value here"},
		{"sse_subscribe", "presence u `{\"a\":\"{sse.channel}\"}`", `"channels": ["c"], "presence": {"member": "u", "info": "{\"a\":\"{sse.channel}\"}"}`, "{sse.channel} has no value here"},
		{"sse_subscribe", "presence u {\nchannel {sse.x}\n}", `"channels": ["c"], "presence": {"member": "u", "channels": ["{sse.x}"]}`, "{sse.x} has no value here"},
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
		{"sse_publish", "store ttl 5ns", `"channel": "c", "store": {"ttl": 5}`, "store: ttl is a duration from 1ms to 876000h, not 5ns"},
		{"sse_history", "limit 1001", `"channel": "c", "limit": 1001`, "limit is a whole number from 1 to 1000, not 1001"},
		{"sse_history", "limit -1", `"channel": "c", "limit": -1`, "limit is a whole number from 1 to 1000, not -1"},
		{"sse_history", "format xml", `"channel": "c", "format": "xml"`, `unknown format "xml"`},
		{"sse_presence", "limit 100001", `"channel": "c", "limit": 100001`, "limit is a whole number from 1 to 100000, not 100001"},
	} {
		if c.line != "" {
			file := ":8080 {\n" + c.directive + " c {\n" + c.line + "\n}\n}"
			if c.directive == "sse" {
				file = "{\nsse {\n" + c.line + "\n}\n}\n:8080 {\nsse_health\n}"
			}
			body, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(file), map[string]any{"filename": "Caddyfile"})
			if err == nil {
				err = validate(t, string(body))
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
		if err := validate(t, config); err == nil || !strings.Contains(err.Error(), c.want) {
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
		if err := validate(t, config); err != nil {
			t.Errorf("%s %s: %v", c.app, c.handler, err)
		}
	}
}
