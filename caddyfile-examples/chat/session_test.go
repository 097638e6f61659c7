package main

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestSession(t *testing.T) {
	w := newWorld(t, "")
	cookie := w.stranger().ask(200, "POST", "/api/chat/session", `{"name": "  Ann   Lindqvist "}`).Result().Cookies()[0]
	if !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Secure {
		t.Errorf("the cookie is %v", cookie)
	}
	over := w.stranger().ask(200, "POST", "/api/chat/session", `{"name": "Ann Lindqvist"}`, "X-Forwarded-Proto: https")
	if !over.Result().Cookies()[0].Secure {
		t.Error("over TLS the cookie is not Secure")
	}
	ann := w.comes("ann LINDQVIST") // the same, who comes again
	if ann.Name != "Ann Lindqvist" || ann.ID != 1 {
		t.Errorf("she is %v", ann.user)
	}
	ann.ask(200, "GET", "/api/chat/session", "")
	if gone := ann.ask(204, "DELETE", "/api/chat/session", "").Result().Cookies()[0]; gone.MaxAge >= 0 {
		t.Errorf("signed out, the cookie is %v", gone)
	}

	for _, name := range []string{"", "   ", strings.Repeat("é", 41), "a\x00b", "a\u202eb"} {
		w.stranger().ask(400, "POST", "/api/chat/session", `{"name": "`+strings.ReplaceAll(name, "\x00", `\u0000`)+`"}`)
	}
	w.stranger().ask(400, "POST", "/api/chat/session", `{"name": 7}`)
	w.stranger().ask(413, "POST", "/api/chat/session", `{"name": "`+strings.Repeat("a", maxBody)+`"}`)
}

// Whoever has no session, one that is not ours or one that is over gets nothing.
func TestSessionsThatAreNone(t *testing.T) {
	w := newWorld(t, "")
	ann := w.comes("Ann")
	for what, cookie := range map[string]string{
		"none":            "",
		"nonsense":        "nonsense",
		"another user's":  "2" + strings.TrimPrefix(ann.cookie, "1"),
		"no proof":        ann.cookie[:strings.LastIndexByte(ann.cookie, '.')+1],
		"one that is old": w.sign(1, time.Now().Add(-time.Second)),
		"of nobody":       w.sign(99, time.Now().Add(time.Hour)),
	} {
		v := visitor{w, user{Name: what}, cookie}
		for path, method := range map[string]string{
			"/api/chat/session": "GET", "/api/chat/users": "GET", "/api/chat/rooms": "GET", "/gate": "GET",
			"/api/chat/rooms/lobby": "DELETE", "/api/chat/rooms/lobby/messages": "POST", "/api/chat/users/1/rooms": "POST",
		} {
			v.ask(401, method, path, `{"text": "hi"}`)
		}
	}
	other := newWorldOf(t)
	visitor{other, user{Name: "from elsewhere"}, ann.cookie}.ask(401, "GET", "/api/chat/session", "")
}

// newWorldOf is another app, with another key.
func newWorldOf(t *testing.T) *world {
	t.Helper()
	a, err := newApp(t.TempDir()+"/other.db", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.close)
	w := &world{a, t, a.handler()}
	w.comes("Ann")
	return w
}

// Another site's page changes nothing here, whatever cookie the browser sends.
func TestOtherSites(t *testing.T) {
	w := newWorld(t, "")
	ann := w.comes("Ann")
	say := func(status int, header string) {
		t.Helper()
		ann.ask(status, "POST", "/api/chat/rooms/lobby/messages", `{"text": "hi"}`, header)
	}
	say(403, "Sec-Fetch-Site: cross-site")
	say(403, "Sec-Fetch-Site: same-site")
	say(403, "Origin: https://evil.example")
	say(201, "Sec-Fetch-Site: same-origin")
	say(201, "Origin: http://example.com") // as the request's Host is
	ann.ask(403, "DELETE", "/api/chat/session", "", "Sec-Fetch-Site: cross-site")
}
