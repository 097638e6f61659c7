package handlers_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap/zapcore"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
	"github.com/caddy-sse/caddy-sse/module/sites"
)

// warningsOf are what a configuration is warned of, each with its fields.
func warningsOf(t *testing.T, config []byte) (warnings []string) {
	t.Helper()
	var c *caddy.Config
	if err := json.Unmarshal(config, &c); err != nil {
		t.Fatal(err)
	}
	c.Admin = &caddy.AdminConfig{Disabled: true}
	ctx, err := caddy.ProvisionContext(c)
	if err != nil {
		t.Fatalf("%v\n%s", err, config)
	}
	app, err := ctx.App("http")
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range sites.Examine(app.(*caddyhttp.App)) {
		fields := zapcore.NewMapObjectEncoder()
		for _, f := range w.Fields {
			f.AddTo(fields)
		}
		warnings = append(warnings, fmt.Sprint(w.Message, " ", fields.Fields))
	}
	return warnings
}

func adapted(t *testing.T, caddyfile string) []byte {
	t.Helper()
	body, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(caddyfile), map[string]any{"filename": "Caddyfile"})
	if err != nil {
		t.Fatalf("%v\n%s", err, caddyfile)
	}
	return body
}

const (
	noMatcher  = "has no matcher, and "
	neverRuns  = "never runs"
	notKeptOut = "is to keep somebody out, and does not"
)

// What stands in an odd place is warned of, and nothing else is. It runs alone: Caddy
// provisions one configuration at a time.
func TestWarningsOfSites(t *testing.T) {
	for _, c := range []struct{ site, want, about string }{
		// Without a matcher, before something else.
		{"sse_subscribe c\nreverse_proxy localhost:3000", noMatcher, "after:reverse_proxy"},
		{"sse_subscribe c\nfile_server", noMatcher + "takes from what comes after it all GET", "channels:[c]"},
		{"sse_subscribe c\nrespond /health ok", noMatcher, "after:static_response"},
		{"sse_subscribe c\nhandle /api/* {\nreverse_proxy localhost:3000\n}", noMatcher, "after:reverse_proxy"},
		{"handle /api/* {\nreverse_proxy localhost:3000\n}\nhandle {\nsse_subscribe c\nfile_server\n}", noMatcher, "after:file_server"},
		{"route {\nsse_subscribe c\nfile_server\n}", noMatcher, "after:file_server"},
		{"sse_subscribe c\nsse_health /health", noMatcher, "after:sse_health"},
		{"sse_subscribe c {\nget_only\n}\nsse_publish /say d", noMatcher + "takes all requests", "after:sse_publish"},
		{"sse_publish c\nreverse_proxy localhost:3000", noMatcher + "takes all POST and PUT", "after:reverse_proxy"},
		{"sse_publish c {\nfrom_response\n}\nreverse_proxy localhost:3000", noMatcher + "publishes what is answered", "after:reverse_proxy"},
		{"sse_history c\nfile_server", noMatcher, "sse_history"},
		{"sse_presence c\nfile_server", noMatcher, "sse_presence"},
		{"sse_health\nfile_server", noMatcher, "sse_health"},
		// With one, or with nothing else there.
		{"sse_subscribe c", "", ""},
		{"sse_subscribe c\nsse_publish d", "", ""},
		{"sse_subscribe c\nrespond 404", "", ""},
		{"sse_subscribe c\nerror 404", "", ""},
		{"sse_subscribe c\nabort", "", ""},
		{"sse_subscribe /live c\nreverse_proxy localhost:3000", "", ""},
		{"@live header X-Live 1\nsse_subscribe @live c\nreverse_proxy localhost:3000", "", ""},
		{"handle /live {\nsse_subscribe c\n}\nreverse_proxy localhost:3000", "", ""},
		{"handle_path /live/* {\nsse_subscribe c\nrespond 403\n}\nreverse_proxy localhost:3000", "", ""},
		{"route /live/* {\nsse_subscribe c\nreverse_proxy localhost:3000\n}", "", ""},
		{"handle /app/* {\nfile_server\n}\nhandle {\nsse_subscribe c\n}", "", ""},

		// Behind what answers everything.
		{"route {\nrespond 403\nsse_subscribe /live c\n}", neverRuns, "before:static_response"},
		{"route {\nrespond /live/* 403\nsse_subscribe /live/rooms/* c\n}", neverRuns, "before:static_response"},
		{"route /live/* {\nerror 404\nsse_subscribe c\n}", neverRuns, "before:error"},
		{"route {\nabort /live\nsse_subscribe /live c\n}", neverRuns, "before:static_response"},
		{"route {\nreverse_proxy localhost:3000\nsse_publish /say c\n}", neverRuns, "before:reverse_proxy"},
		{"route {\nfile_server\nsse_subscribe /live c\n}", neverRuns, "before:file_server"},
		{"route {\nhandle {\nrespond hi\n}\nsse_subscribe /live c\n}", neverRuns, "before:static_response"},
		{"handle /live/* {\nfile_server\n}\nhandle /live/* {\nsse_subscribe c\n}", neverRuns, "before:"},
		{"route {\nhandle /live/* {\nrespond 403\n}\nhandle /live/x {\nsse_subscribe c\n}\n}", neverRuns, "before:"},
		// Behind what answers some, or others.
		{"route {\n@post method POST\nrespond @post 405\nsse_subscribe /live c\n}", "", ""},
		{"route {\nrespond /live/a 403\nsse_subscribe /live/* c\n}", "", ""},
		{"route {\nrespond /live 403\nrewrite /events /live\nsse_subscribe /live c\n}", "", ""},
		{"respond hi\nsse_subscribe /live c", "", ""},
		{"route {\nforward_auth localhost:3000 {\nuri /auth\n}\nsse_subscribe /live c\n}", "", ""},
		{"route {\nfile_server {\npass_thru\n}\nsse_subscribe /live c\n}", "", ""},
		{"handle /live/* {\nsse_subscribe c\n}\nhandle {\nrespond hi\n}", "", ""},
		{"route {\n@foreign header Sec-Fetch-Site cross-site\nrespond @foreign 403\nsse_publish /say c\n}", "", ""},

		// Before what is to keep somebody out.
		{"respond /say/* 403\nsse_publish /say/* c", notKeptOut, "sse_publish"},
		{"abort /live/secret\nsse_subscribe /live/* c", notKeptOut, "channels:[c]"},
		{"error /live/* 401\nsse_subscribe /live/a c", notKeptOut, "sse_subscribe"},
		{"@out not remote_ip 10.0.0.0/8\nabort @out\nsse_subscribe /live/* c", notKeptOut, "sse_subscribe"},
		{"@out not header Cookie *\nrespond @out 401\nhandle /live/* {\nsse_subscribe c\n}", notKeptOut, "sse_subscribe"},
		{"@out not header Cookie *\nhandle @out {\nabort\n}\nsse_subscribe /live/* c", notKeptOut, "sse_subscribe"},
		{"route /live/* {\nsse_subscribe c\n@out remote_ip 10.0.0.0/8\nrespond @out 403\n}", notKeptOut, "sse_subscribe"},
		// Before what keeps out others, or the rest, or is no denial.
		{"respond /admin/* 403\nsse_subscribe /live/* c", "", ""},
		{"respond /live/* 406\nsse_subscribe /live/* c", "", ""},
		{"@post method POST\nrespond @post 403\nsse_subscribe /live/* c", "", ""},
		{"abort\nsse_subscribe /live/* c", "", ""},
		{"@other not header Accept text/event-stream\nrespond @other 403\nsse_subscribe /live/* c", "", ""},
		{"respond /say/* 403\nsse_publish /say/* c {\nfrom_response\n}", "", ""},
		{"@out not path /live/* /public/*\nabort @out\nsse_subscribe /live/* c", "", ""},
	} {
		got := warningsOf(t, adapted(t, "http://a.example.com:8080 {\n"+c.site+"\n}"))
		all := strings.Join(got, "\n")
		switch {
		case c.want == "" && len(got) > 0:
			t.Errorf("%s\nis warned of: %s", c.site, all)
		case c.want != "" && (len(got) != 1 || !strings.Contains(all, c.want) || !strings.Contains(all, c.about) || !strings.Contains(all, "site:[a.example.com]")):
			t.Errorf("%s\ngot %s\nwant %s … %s", c.site, all, c.want, c.about)
		}
	}
}

// The same in JSON, whose routes need not be as the Caddyfile makes them. It runs
// alone.
func TestWarningsOfSitesInJSON(t *testing.T) {
	const subscribe, files, denial = `{"handler": "sse_subscribe", "channels": ["c"]}`, `{"handler": "file_server"}`, `{"handler": "static_response", "status_code": 403}`
	for routes, want := range map[string]string{
		`{"handle": [` + subscribe + `, ` + files + `]}`:                                                                                                 noMatcher,
		`{"handle": [` + subscribe + `]}, {"handle": [` + files + `]}`:                                                                                   noMatcher,
		`{"handle": [` + files + `, ` + subscribe + `]}`:                                                                                                 neverRuns,
		`{"match": [{"path": ["/live"]}], "terminal": true}, {"match": [{"path": ["/live"]}], "handle": [` + subscribe + `]}`:                            neverRuns,
		`{"match": [{"path": ["/live"]}], "handle": [` + subscribe + `, ` + denial + `]}`:                                                                notKeptOut,
		`{"match": [{"path": ["/live"]}, {"path": ["/x"]}], "handle": [` + subscribe + `]}, {"match": [{"path": ["/x/*"]}], "handle": [` + denial + `]}`: "",
		`{"match": [{"path": ["/live"]}], "terminal": true, "handle": [` + subscribe + `]}, {"handle": [` + files + `]}`:                                 "",
		`{"handle": [` + subscribe + `]}`:                                                                                                                "",
	} {
		got := strings.Join(warningsOf(t, []byte(`{"apps": {"http": {"servers": {"s": {"listen": [":8080"], "routes": [`+routes+`]}}}}}`)), "\n")
		if want == "" && got != "" || !strings.Contains(got, want) || strings.Count(got, "\n") > 0 {
			t.Errorf("%s\ngot %s\nwant %s", routes, got, want)
		}
	}
}

var fencedCaddyfile = regexp.MustCompile("(?s)```caddyfile\n(.*?)```")

// Nothing in the examples and the docs is warned of, but for what the docs show as a
// mistake. It runs alone.
func TestExamplesAreWarnedOfNothing(t *testing.T) {
	t.Setenv("JWT_SECRET", "0123456789abcdef0123456789abcdef")
	t.Setenv("SSE_SECRET", "0123456789abcdef0123456789abcdef")
	examples := make(map[string]string)
	for _, pattern := range []string{"../caddyfile-examples/*/Caddyfile*", "../README.md", "../docs/*.md"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if filepath.Ext(file) != ".md" {
				examples[file] = string(text)
			}
			for i, block := range fencedCaddyfile.FindAllStringSubmatch(string(text), -1) {
				examples[fmt.Sprint(file, " ", i)] = block[1]
			}
		}
	}
	looked, mistakes := 0, 0
	for name, text := range examples {
		if !strings.Contains(text, "\tsse_") {
			continue
		}
		looked++
		warnings := warningsOf(t, adapted(t, text))
		if strings.HasPrefix(name, "../docs/access.md") && strings.Contains(strings.Join(warnings, ""), notKeptOut) {
			mistakes++
			continue
		}
		for _, w := range warnings {
			t.Errorf("%s: %s\n%s", name, w, text)
		}
	}
	if looked < 10 || mistakes != 1 {
		t.Errorf("%d examples were looked at, with %d mistakes", looked, mistakes)
	}
}

// What the warnings say is what happens, and they are in the log, one line each,
// from the Caddyfile and from JSON, since both become the same.
func TestWarningsAreTrue(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	g := gatewaytest.Start(t, "\tsse {\n\t\tredis "+server.URL("")+"\n\t}", `http://{$ADDR} {
	handle /hides/* {
		sse_subscribe live:/hidden
		respond /hides/app.js "alert(1)"
	}
	handle /none/* {
		route {
			respond /none/* 403
			sse_subscribe /none/live never
		}
	}
	handle /open/* {
		@out not header Cookie *
		respond @out 401
		sse_publish /open/say said
	}
	sse_subscribe /member/* of:{path.*} {
		presence ann {
			channel /members
		}
	}
	sse_publish /publish/* /published
	sse_history /history/* @kept
	sse_presence /presence/* here:*
	handle {
		sse_subscribe everything /events live:*
		respond /app.js "alert(1)"
	}
}`)
	if response, _ := gatewaytest.Do(t, "GET", "http://"+g.Addr+"/none/live", "", "Accept: text/event-stream"); response.StatusCode != http.StatusForbidden {
		t.Errorf("what never runs answered %s", response.Status)
	}
	if response, _ := gatewaytest.Do(t, "POST", "http://"+g.Addr+"/open/say", "hi"); response.StatusCode != http.StatusOK {
		t.Errorf("who was to be kept out was answered %s", response.Status)
	}
	response, _ := gatewaytest.Do(t, "HEAD", "http://"+g.Addr+"/app.js", "", "Accept: */*")
	if got := response.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Errorf("a script was answered as %q", got)
	}
	wanted := []string{"sse_subscribe has no matcher", "sse_subscribe never runs", "sse_publish runs before a respond"}
	for _, channel := range []string{"/events", "/members", "/published", "@kept"} {
		wanted = append(wanted, `"a channel looks like a matcher, and is none: a matcher stands first, right after the directive","channel":"`+channel+`"`)
	}
	for _, channel := range []string{"live:*", "here:*"} {
		wanted = append(wanted, `"a channel's name holds a *, which is no wildcard here: it is the one channel of just this name","channel":"`+channel+`"`)
	}
	for _, want := range wanted {
		if n := strings.Count(g.Log(), want); n != 1 {
			t.Errorf("the log has %q %d times:\n%s", want, n, g.Log())
		}
	}
	if n := strings.Count(g.Log(), "looks like a matcher") + strings.Count(g.Log(), "no wildcard here"); n != 6 {
		t.Errorf("%d names are warned of:\n%s", n, g.Log())
	}
}
