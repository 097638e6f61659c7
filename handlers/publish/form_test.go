package publish_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
)

const formSite = `http://{$ADDR} {
	sse_subscribe /events/* {query.channel}
	sse_publish /text form {
		data {sse.form.message}
		max_size 1KiB
	}
	sse_publish /json form {
		data ` + "`" + `{"from":"{header.X-User}","text":"{sse.form.message}","n":{sse.form.n}}` + "`" + `
	}
	sse_publish /room chat:{sse.form.room} {
		data {sse.form.message}
	}
	sse_publish /kept form {
		event {sse.form.type}
		data {sse.form.message}
		store
	}
}`

const (
	urlencoded = "Content-Type: application/x-www-form-urlencoded"
	multipart  = "Content-Type: multipart/form-data; boundary=xyz"
)

// part is a field of a multipart form, with what its header says besides.
func part(head, value string) string {
	return "--xyz\r\nContent-Disposition: form-data; " + head + "\r\n\r\n" + value + "\r\n"
}

func TestFormFields(t *testing.T) {
	g, server := gatewaytest.StartWithRedis(t, formSite)
	base := "http://" + g.Addr
	s := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), base+"/events/?channel=form")
	room := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), base+"/events/?channel=chat:a/b")
	for _, test := range []struct{ method, path, header, body, want string }{
		{"POST", "/text", urlencoded, "message=hello+there&room=1", "hello there"},
		{"PUT", "/text", urlencoded + ";charset=UTF-8", "message=%F0%9F%A6%86%0Atwo", "🦆\ndata: two"},
		{"POST", "/text", urlencoded, "message=a&message=b", "a,b"},
		{"POST", "/text", urlencoded, "message=%7Bquery.x%7D", "{query.x}"},
		{"POST", "/text", multipart, part(`name="message"`, "in parts") + part(`name="n"`, "1") + "--xyz--\r\n", "in parts"},
		{"POST", "/text", multipart, part(`name="message"; filename="f.txt"`, "a file") + part(`name="message"`, "no file") + "--xyz--", "no file"},
		{"POST", "/json", urlencoded, `message=","from":"admin&n=1`, `{"from":"","text":"\",\"from\":\"admin","n":1}`},
		{"POST", "/json", urlencoded, `message=x&n=1},"by":{"a":1`, `{"from":"","text":"x","n":"1},\"by\":{\"a\":1"}`},
		{"POST", "/json", urlencoded, `other=x`, `{"from":"","text":"","n":""}`},
		{"POST", "/json", "X: y", "", `{"from":"","text":"","n":""}`},
	} {
		r, body := gatewaytest.Do(t, test.method, base+test.path, test.body, test.header)
		if r.StatusCode != 200 {
			t.Errorf("%s %q: %s %s", test.path, test.body, r.Status, body)
			continue
		}
		s.Await("data: " + test.want + "\n\n")
	}
	// A name with a slash comes in a form as in a query.
	gatewaytest.Do(t, "POST", base+"/room", "room=a/b&message=hi", urlencoded)
	room.Await("data: hi\n\n")
	gatewaytest.Do(t, "POST", base+"/kept", "type=note&message=hi", urlencoded)
	if got := fmt.Sprint(server.Do("XREVRANGE", "form", "+", "-")); !strings.Contains(got, "[data hi event note]") {
		t.Errorf("stored %s", got)
	}
	for _, test := range []struct {
		path, header, body, want string
		status                   int
	}{
		{"/text", urlencoded, "other=x", "the data is empty", 400},
		{"/text", multipart, part(`name="message"; filename="f.txt"`, "a file") + "--xyz--", "the data is empty", 400},
		{"/text", "Content-Type: application/json", `{"message":"x"}`, "the body must be a form", 400},
		{"/text", "X: y", "message=x", "the body must be a form", 400},
		{"/text", urlencoded, "message=%zz", "the form cannot be read", 400},
		{"/text", "Content-Type: multipart/form-data", "--\r\n", "the form cannot be read", 400},
		{"/text", multipart, part(`name="message"`, "cut o"), "the form cannot be read", 400},
		{"/text", urlencoded, "message=caf%E9", "the form must be UTF-8", 400},
		{"/text", multipart, part(`name="message"`, "\xac\xed\x00\x05") + "--xyz--", "the form must be UTF-8", 400},
		{"/text", urlencoded, "message=x&padding=" + strings.Repeat("x", 1<<10), "larger than 1024 bytes", 413},
		{"/room", urlencoded, "message=x", "a part of the channel's name has no value", 400},
		{"/room", urlencoded, "room=a+b&message=x", "must not hold spaces", 400},
	} {
		r, _ := gatewaytest.Do(t, "POST", base+test.path, test.body, test.header)
		if got := r.Header.Get("Sse-Error"); r.StatusCode != test.status || !strings.Contains(got, test.want) {
			t.Errorf("%s %q: %s %q", test.path, test.body, r.Status, got)
		}
	}
}
