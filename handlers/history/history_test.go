package history_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

const historySite = `http://{$ADDR} {
	sse_history /history/* {path.1}
	sse_history /json/* {path.1} {
		format json
		limit 2
	}
	respond "the app"
}`

// page is what sse_history answers.
type page struct {
	Events []struct{ ID, Event, Data, Time string }
	Next   string
}

func (p page) ids() []string {
	ids := make([]string, len(p.Events))
	for i, e := range p.Events {
		ids[i] = e.ID
	}
	return ids
}

func readPage(t *testing.T, url string) page {
	t.Helper()
	r, body := gatewaytest.Do(t, "GET", url, "", "Accept: application/json")
	var p page
	if err := json.Unmarshal([]byte(body), &p); err != nil || r.StatusCode != 200 {
		t.Fatalf("%s: %s %q %q", url, r.Status, r.Header.Get("Sse-Error"), body)
	}
	return p
}

// fill adds entries with data 0 to n-1, and returns their IDs.
func fill(t *testing.T, server *redistest.Server, channel string, n int) []string {
	t.Helper()
	pipe := server.Client().Pipeline()
	ids := make([]string, n)
	for i := range n {
		ids[i] = fmt.Sprintf("%d-%d", 1700000000000+i/3, i)
		pipe.Do(t.Context(), "XADD", channel, ids[i], "data", i)
	}
	if _, err := pipe.Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	return ids
}

func TestHistoryPages(t *testing.T) {
	g, server := gatewaytest.StartWithRedis(t, historySite)
	ids := fill(t, server, "chat:1", 250)
	url := "http://" + g.Addr + "/history/chat:1"
	for query, want := range map[string]struct {
		ids  []string
		next string
	}{
		"":                          {ids[150:], ids[150]},
		"?limit=100000":             {ids[150:], ids[150]},
		"?limit=3":                  {ids[247:], ids[247]},
		"?before=" + ids[100]:       {ids[:100], ""},
		"?before=" + ids[101]:       {ids[1:101], ids[1]},
		"?after=" + ids[149]:        {ids[150:], ""},
		"?after=" + ids[148]:        {ids[149:249], ids[248]},
		"?after=0-0&limit=1":        {ids[:1], ids[0]},
		"?after=1700000000003-0":    {ids[9:109], ids[108]},
		"?after=1700000000003":      {ids[9:109], ids[108]},
		"?before=1700000000003":     {ids[:9], ""},
		"?after=0&limit=1":          {ids[:1], ids[0]},
		"?limit=1&before=" + ids[1]: {ids[:1], ""},
		"?before=" + ids[0]:         {nil, ""},
		"?after=" + ids[249]:        {nil, ""},
		"?before=99999999999999-5":  {ids[150:], ids[150]},
		"?after=18446744073709551615-18446744073709551615":      {nil, ""},
		"?after=" + ids[9] + "&before=" + ids[20] + "&limit=4":  {ids[16:20], ids[16]},
		"?after=" + ids[9] + "&before=" + ids[14] + "&limit=4":  {ids[10:14], ""},
		"?after=" + ids[9] + "&before=" + ids[10]:               {nil, ""},
		"?after=" + ids[20] + "&before=" + ids[10] + "&limit=4": {nil, ""},
	} {
		if p := readPage(t, url+query); !slices.Equal(p.ids(), want.ids) || p.Next != want.next {
			t.Errorf("%s: %v, next %q\nnot %v, next %q", query, p.ids(), p.Next, want.ids, want.next)
		}
	}

	for _, limit := range []int{1, 7, 50, 100} {
		back, forth := []string(nil), []string(nil)
		for query := ""; ; {
			p := readPage(t, fmt.Sprintf("%s?limit=%d%s", url, limit, query))
			back = append(p.ids(), back...)
			if query = "&before=" + p.Next; p.Next == "" {
				break
			}
		}
		for query := "&after=0-0"; ; {
			p := readPage(t, fmt.Sprintf("%s?limit=%d%s", url, limit, query))
			forth = append(forth, p.ids()...)
			if query = "&after=" + p.Next; p.Next == "" {
				break
			}
		}
		if !slices.Equal(back, ids) || !slices.Equal(forth, ids) {
			t.Errorf("in pages of %d, %d events were seen backwards and %d forwards, not each of 250 once", limit, len(back), len(forth))
		}
	}
}

func TestHistoryEvents(t *testing.T) {
	g, server := gatewaytest.StartWithRedis(t, historySite)
	server.Do("XADD", "chat:1", "1700000000123-4", "data", "a\r\nb <é>\"", "event", "like", "retry", "5000")
	server.Do("XADD", "chat:1", "253402300799999-0", "by", "7", "event", "note", "a", "")
	server.Do("XADD", "chat:1", "253402300800000-0", "data", `{"x":1}`)
	for path, want := range map[string]string{
		"/history/chat:1": `{"events":[` +
			`{"id":"1700000000123-4","event":"like","data":"a\r\nb \u003cé\u003e\"","time":"2023-11-14T22:13:20.123Z"},` +
			`{"id":"253402300799999-0","event":"note","data":"","time":"9999-12-31T23:59:59.999Z"},` +
			`{"id":"253402300800000-0","data":"{\"x\":1}"}],"next":""}`,
		"/json/chat:1": `{"events":[` +
			`{"id":"253402300799999-0","event":"note","data":"{\"by\":\"7\",\"a\":\"\"}","time":"9999-12-31T23:59:59.999Z"},` +
			`{"id":"253402300800000-0","data":"{\"x\":1}"}],"next":"253402300799999-0"}`,
		"/history/empty":                   `{"events":[],"next":""}`,
		"/json/empty?after=1-0&before=2-0": `{"events":[],"next":""}`,
	} {
		r, body := gatewaytest.Do(t, "GET", "http://"+g.Addr+path, "")
		if body != want+"\n" || r.StatusCode != 200 {
			t.Errorf("%s: %s\n%s\nnot\n%s", path, r.Status, body, want)
		}
		for name, want := range map[string]string{"Content-Type": "application/json", "Cache-Control": "no-store", "Vary": "Accept"} {
			if got := r.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q, not %q", path, name, got, want)
			}
		}
	}
	head, body := gatewaytest.Do(t, http.MethodHead, "http://"+g.Addr+"/history/chat:1", "")
	if head.StatusCode != 200 || head.Header.Get("Content-Type") != "application/json" || body != "" {
		t.Errorf("HEAD: %s %v %q", head.Status, head.Header, body)
	}
}

func TestHistoryAccept(t *testing.T) {
	g, _ := gatewaytest.StartWithRedis(t, historySite)
	for _, request := range [][2]string{
		{"POST", "application/json"}, {"GET", "text/event-stream"}, {"GET", "text/html, */*;q=0.8"}, {"GET", "application/json;q=0"},
	} {
		if r, body := gatewaytest.Do(t, request[0], "http://"+g.Addr+"/history/a", "", "Accept: "+request[1]); body != "the app" {
			t.Errorf("%s %s: %s %q", request[0], request[1], r.Status, body)
		}
	}
	for _, accept := range []string{"application/json", "*/*", "text/html, application/json;q=0.5", "", "application/json; charset"} {
		if r, body := gatewaytest.Do(t, "GET", "http://"+g.Addr+"/history/a", "", "Accept: "+accept); !strings.HasPrefix(body, `{"events":`) {
			t.Errorf("%s: %s %q", accept, r.Status, body)
		}
	}
}

func TestHistoryRefuses(t *testing.T) {
	g, server := gatewaytest.StartWithRedis(t, historySite)
	server.Do("SET", "text", "x")
	for path, want := range map[string]string{
		"/history/":                  "has no value",
		"/history/a%20b":             "spaces",
		"/history/a?before=":         `before: "" is not an event's ID, like 1700000000000-0`,
		"/history/a?before=1-":       `before: "1-" is not`,
		"/history/a?before=01":       `before: "01" is not`,
		"/history/a?before=0":        "before: nothing comes before 0-0",
		"/history/a?before=0-0":      "before: nothing comes before 0-0",
		"/history/a?after=x":         `after: "x" is not an event's ID`,
		"/history/a?after=(1-0":      `after: "(1-0" is not`,
		"/history/a?after=%2B":       `after: "+" is not`,
		"/history/a?limit=0":         `limit: "0" is not a whole number from 1`,
		"/history/a?limit=-5":        `limit: "-5"`,
		"/history/a?limit=ten":       `limit: "ten"`,
		"/history/a?limit=":          `limit: ""`,
		"/history/a?limit=5&after=-": `after: "-"`,
	} {
		r, _ := gatewaytest.Do(t, "GET", "http://"+g.Addr+path, "")
		if r.StatusCode != 400 || !strings.Contains(r.Header.Get("Sse-Error"), want) {
			t.Errorf("%s: %s %q", path, r.Status, r.Header.Get("Sse-Error"))
		}
	}
	get := func(path string) *http.Response {
		r, _ := gatewaytest.Do(t, "GET", "http://"+g.Addr+path, "")
		return r
	}
	if r := get("/history/text"); r.StatusCode != 500 || !strings.Contains(r.Header.Get("Sse-Error"), "misconfigured: the channel can have no history") {
		t.Errorf("a text: %s %q", r.Status, r.Header.Get("Sse-Error"))
	}
	server.Do("ACL", "SETUSER", "default", "-xrevrange")
	if r := get("/history/a"); r.StatusCode != 500 || !strings.Contains(r.Header.Get("Sse-Error"), "misconfigured: the gateway may not do it") {
		t.Errorf("denied: %s %q", r.Status, r.Header.Get("Sse-Error"))
	}
	server.Kill()
	if r := get("/history/a"); r.StatusCode != 503 || r.Header.Get("Retry-After") != "1" {
		t.Errorf("without Redis: %s %v", r.Status, r.Header)
	}
	server.Restart()
	redistest.Await(t, "reading again", func() bool { return get("/history/a").StatusCode == 200 })
}
