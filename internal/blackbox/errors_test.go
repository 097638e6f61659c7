package blackbox_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// What is wrong inside is for the log: a stranger is told a code and a sentence.
func TestErrorsTellNothingOfTheInside(t *testing.T) {
	app, _ := newCounter(t)
	g, server := gatewaytest.StartWithRedis(t, `http://{$ADDR} {
	sse_subscribe /live secret-{header.X-Inner}:1
	sse_subscribe /member chat:1 {
		presence {http.auth.user.id}
	}
	sse_publish /say chat:1
	sse_publish /keep secret-key {
		store
	}
	sse_publish /answer secret-key {
		from_response
		store
	}
	sse_publish /named secret-{header.X-Inner} {
		from_response
	}
	sse_history /history secret-key
	sse_presence /who chat:1
	reverse_proxy `+app+`
}`)
	redistest.Await(t, "redis", func() bool {
		r, _ := gatewaytest.Do(t, "POST", "http://"+g.Addr+"/say", "hi")
		return r.StatusCode == 200
	})
	secrets := []string{"127.0.0.1", server.Addr, "dial", "secret", "X-Inner", "http.", "user", "WRONG", "NOPERM", "WRONGTYPE", "ACL", "xadd", "{", "\""}
	check := func(method, path, body, code string) {
		t.Helper()
		r, answer := gatewaytest.Do(t, method, "http://"+g.Addr+path, body)
		told := r.Header.Get("Sse-Error")
		if !strings.HasPrefix(told, code+": ") {
			t.Errorf("%s %s: %s %q", method, path, r.Status, told)
		}
		if answer != "the app" && answer != strings.TrimPrefix(told, code+": ")+"\n" {
			t.Errorf("%s %s is answered %q", method, path, answer)
		}
		for _, secret := range secrets {
			if strings.Contains(told+answer, secret) {
				t.Errorf("%s %s: a stranger is told %q of %s", method, path, told+answer, secret)
			}
		}
	}
	server.Do("SET", "secret-key", "x")
	check("GET", "/live", "", "bad_request")
	check("GET", "/member", "", "bad_request")
	check("POST", "/keep", "hi", "misconfigured")
	check("POST", "/answer", "hi", "misconfigured")
	check("POST", "/named", "hi", "bad_request")
	check("GET", "/history", "", "misconfigured")
	server.Do("ACL", "SETUSER", "default", "-publish", "-xadd", "-hgetall", "-evalsha", "-eval", "-hscan")
	check("POST", "/say", "hi", "misconfigured")
	check("POST", "/keep", "hi", "misconfigured")
	server.Kill()
	check("POST", "/say", "hi", "unavailable")
	check("POST", "/answer", "hi", "unavailable")
	check("GET", "/history", "", "unavailable")
	check("GET", "/who", "", "unavailable")
	for _, detail := range []string{"X-Inner", "secret-key", "WRONGTYPE"} {
		if !strings.Contains(g.Log(), detail) {
			t.Errorf("the log lacks %s", detail)
		}
	}
}

// The body is the sentence, unless handle_errors is for it.
func TestErrorBodies(t *testing.T) {
	g, _ := gatewaytest.StartWithRedis(t, `http://{$ADDR} {
	sse_publish /say chat:1
	sse_publish /big chat:1 {
		max_size 1
	}
	handle_errors 413 {
		respond "shaped: {err.message}"
	}
}
http://other.localhost:{$PORT} {
	handle_errors {
		respond "of another site"
	}
}`)
	for _, test := range [][4]string{
		{"/say", "*/*", "text/plain; charset=utf-8", "there is nothing to publish: the data is empty\n"},
		{"/say", "text/html", "text/plain; charset=utf-8", "there is nothing to publish: the data is empty\n"},
		{"/say", "application/json", "application/json", `{"error":"there is nothing to publish: the data is empty"}` + "\n"},
		{"/big", "application/json", "text/plain; charset=utf-8", "shaped: the data is larger than 1 bytes"},
	} {
		data := ""
		if test[0] == "/big" {
			data = "xx"
		}
		r, body := gatewaytest.Do(t, http.MethodPost, "http://"+g.Addr+test[0], data, "Accept: "+test[1])
		if r.StatusCode < 400 || r.Header.Get("Content-Type") != test[2] || body != test[3] {
			t.Errorf("%v: %s %q %q", test, r.Status, r.Header.Get("Content-Type"), body)
		}
	}
}
