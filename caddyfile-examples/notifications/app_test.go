package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	postOfAnn = "6f1d9a52-3c0b-4f63-9f0e-0d6d1c7a1e01"
	postOfBen = "b7c2e4d8-51aa-4c1e-8a57-2f9be3d04c02"
)

func TestMain(m *testing.M) {
	log.SetOutput(io.Discard) // Redis is away
	os.Exit(m.Run())
}

// A browser is one with the session of a member, or of nobody.
type browser struct {
	t      *testing.T
	app    *app
	cookie string
}

// startApp has a database of its own, and a Redis that is away: nothing that is
// tested here needs it.
func startApp(t *testing.T) *app {
	t.Helper()
	a, err := newApp(filepath.Join(t.TempDir(), "a database?.db"), "redis://127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.close)
	return a
}

func (a *app) browserOf(t *testing.T, key string) *browser {
	t.Helper()
	b := &browser{t: t, app: a}
	answer := b.expect(http.StatusOK, "POST", "/api/session", `{"member": "`+key+`"}`)
	b.cookie = answer.Result().Cookies()[0].Value
	return b
}

// do sends a request; the header lines are "name: value".
func (b *browser) do(method, path, body string, header ...string) *httptest.ResponseRecorder {
	b.t.Helper()
	r := httptest.NewRequestWithContext(b.t.Context(), method, path, strings.NewReader(body))
	if b.cookie != "" {
		r.AddCookie(&http.Cookie{Name: cookieName, Value: b.cookie})
	}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	b.app.handler().ServeHTTP(w, r)
	return w
}

func (b *browser) expect(status int, method, path, body string, header ...string) *httptest.ResponseRecorder {
	b.t.Helper()
	w := b.do(method, path, body, header...)
	if w.Code != status {
		b.t.Errorf("%s %s %.100s %q: %d, not %d: %.200s", method, path, body, header, w.Code, status, w.Body)
	}
	return w
}

func (b *browser) notifications() (list []notification) {
	b.t.Helper()
	decode(b.t, b.expect(http.StatusOK, "GET", "/api/notifications", ""), &list)
	return list
}

func decode(t *testing.T, w *httptest.ResponseRecorder, value any) {
	t.Helper()
	if err := json.Unmarshal(w.Body.Bytes(), value); err != nil {
		t.Fatal(err, w.Body)
	}
}

// TestLike saves one notification for the author, whatever Redis does.
func TestLike(t *testing.T) {
	t.Parallel()
	a := startApp(t)
	ann, ben, cleo := a.browserOf(t, "ann"), a.browserOf(t, "ben"), a.browserOf(t, "cleo")

	var p post
	decode(t, ben.expect(http.StatusOK, "PUT", "/api/posts/"+postOfAnn+"/like", ""), &p)
	if !p.Liked || p.Likes != 1 {
		t.Errorf("the post is %+v after a like", p)
	}
	decode(t, ben.expect(http.StatusOK, "DELETE", "/api/posts/"+postOfAnn+"/like", ""), &p)
	if p.Liked || p.Likes != 0 {
		t.Errorf("the post is %+v after the like was taken back", p)
	}
	ben.expect(http.StatusOK, "PUT", "/api/posts/"+postOfAnn+"/like", "")
	ann.expect(http.StatusOK, "PUT", "/api/posts/"+postOfAnn+"/like", "")
	ben.expect(http.StatusNotFound, "PUT", "/api/posts/none/like", "")

	list := ann.notifications()
	if len(list) != 1 || list[0].Kind != "like" || list[0].Actor.Name != "Ben Okafor" || list[0].Post.ID != postOfAnn ||
		list[0].Read || time.Since(list[0].Time).Abs() > time.Minute {
		t.Errorf("Ann's notifications are %+v", list)
	}
	if n := len(ben.notifications()) + len(cleo.notifications()); n != 0 {
		t.Errorf("others have %d notifications", n)
	}
}

func TestComment(t *testing.T) {
	t.Parallel()
	a := startApp(t)
	ann, ben := a.browserOf(t, "ann"), a.browserOf(t, "ben")

	var p struct{ Comments []struct{ Text string } }
	for i := range keepComments + 2 {
		body := fmt.Sprintf(`{"text": " comment %d "}`, i)
		decode(t, ben.expect(http.StatusOK, "POST", "/api/posts/"+postOfAnn+"/comments", body), &p)
	}
	if n := len(p.Comments); n != keepComments || p.Comments[0].Text != "comment 2" || p.Comments[n-1].Text != "comment 51" {
		t.Errorf("%d comments are kept: %v", n, p.Comments)
	}
	if list := ann.notifications(); len(list) != keepComments+2 || list[0].Text != "comment 51" {
		t.Errorf("Ann has %d notifications", len(list))
	}
	for _, text := range []string{"", "  ", strings.Repeat("é", maxComment+1)} {
		ben.expect(http.StatusBadRequest, "POST", "/api/posts/"+postOfAnn+"/comments", `{"text": "`+text+`"}`)
	}
	ben.expect(http.StatusOK, "POST", "/api/posts/"+postOfAnn+"/comments", `{"text": "`+strings.Repeat("é", maxComment)+`"}`)
	ben.expect(http.StatusNotFound, "POST", "/api/posts/none/comments", `{"text": "x"}`)
	ben.expect(http.StatusBadRequest, "POST", "/api/posts/"+postOfAnn+"/comments", `{"text": `)
	ben.expect(http.StatusRequestEntityTooLarge, "POST", "/api/posts/"+postOfAnn+"/comments", `{"text": "`+strings.Repeat("x", maxBody)+`"}`)
}

// TestMarkRead marks what is the member's own, and nothing else.
func TestMarkRead(t *testing.T) {
	t.Parallel()
	a := startApp(t)
	ann, ben, cleo := a.browserOf(t, "ann"), a.browserOf(t, "ben"), a.browserOf(t, "cleo")
	ben.expect(http.StatusOK, "PUT", "/api/posts/"+postOfAnn+"/like", "")
	cleo.expect(http.StatusOK, "PUT", "/api/posts/"+postOfAnn+"/like", "")

	body := fmt.Sprintf(`{"ids": [%d]}`, ann.notifications()[0].ID)
	ben.expect(http.StatusNoContent, "POST", "/api/notifications/read", body)
	if list := ann.notifications(); list[0].Read || list[1].Read {
		t.Error("Ben has read Ann's")
	}
	ann.expect(http.StatusNoContent, "POST", "/api/notifications/read", body)
	if list := ann.notifications(); !list[0].Read || list[1].Read {
		t.Errorf("one of two is read: %+v", list)
	}
	for _, bad := range []string{`{}`, `{"ids": []}`, `{"ids": [` + strings.Repeat("1,", keepNotifications) + `1]}`, `{"ids": ["x"]}`} {
		ann.expect(http.StatusBadRequest, "POST", "/api/notifications/read", bad)
	}
}

func TestOnlyTheNewestAreKept(t *testing.T) {
	t.Parallel()
	a := startApp(t)
	ann, ben := a.browserOf(t, "ann"), a.browserOf(t, "ben")
	for i := range keepNotifications + 3 {
		ben.expect(http.StatusOK, "POST", "/api/posts/"+postOfAnn+"/comments", fmt.Sprintf(`{"text": "%d"}`, i))
	}
	if list := ann.notifications(); len(list) != keepNotifications || list[0].Text != "102" || list[99].Text != "3" {
		t.Errorf("%d are kept, from %s to %s", len(list), list[len(list)-1].Text, list[0].Text)
	}
}

func TestSession(t *testing.T) {
	t.Parallel()
	a := startApp(t)
	nobody := &browser{t: t, app: a}
	for _, path := range []string{"/api/session", "/api/posts", "/api/notifications", "/gate/subscribe", "/gate/connect", "/gate/send"} {
		nobody.expect(http.StatusUnauthorized, "GET", path, "")
	}
	nobody.expect(http.StatusNotFound, "POST", "/api/session", `{"member": "zoe"}`)

	ann := a.browserOf(t, "ann")
	ann.expect(http.StatusOK, "GET", "/api/session", "")
	claim, proof := ann.cookie[:strings.LastIndexByte(ann.cookie, '.')], ann.cookie[strings.LastIndexByte(ann.cookie, '.'):]
	for what, cookie := range map[string]string{
		"forged":         "ben" + strings.TrimPrefix(claim, "ann") + proof,
		"prolonged":      claim + "0" + proof,
		"unsigned":       claim + ".",
		"expired":        a.sign("ann", time.Now().Add(-time.Second)),
		"of nobody":      a.sign("zoe", time.Now().Add(time.Hour)),
		"of another app": startApp(t).sign("ann", time.Now().Add(time.Hour)),
	} {
		if w := (&browser{t, a, cookie}).do("GET", "/api/session", ""); w.Code != http.StatusUnauthorized {
			t.Errorf("a session that is %s is answered %d", what, w.Code)
		}
	}
	if c := ann.expect(http.StatusNoContent, "DELETE", "/api/session", "").Result().Cookies()[0]; c.MaxAge >= 0 {
		t.Errorf("signing out leaves the cookie %v", c)
	}
	c := nobody.expect(http.StatusOK, "POST", "/api/session", `{"member": "ann"}`, "X-Forwarded-Proto: https").Result().Cookies()[0]
	if !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteLaxMode {
		t.Errorf("the cookie is %v", c)
	}
}

// TestGates asks as Caddy does.
func TestGates(t *testing.T) {
	t.Parallel()
	a := startApp(t)
	ann, ben := a.browserOf(t, "ann"), a.browserOf(t, "ben")
	for _, c := range []struct {
		who    *browser
		gate   string
		uri    string
		status int
	}{
		{ann, "subscribe", "/sse/subscribe/ann", http.StatusNoContent},
		{ann, "subscribe", "/sse/subscribe/ann?lastEventId=7", http.StatusNoContent},
		{ben, "subscribe", "/sse/subscribe/ann", http.StatusForbidden},
		{ben, "subscribe", "/sse/subscribe/ann/../ben", http.StatusForbidden},
		{ben, "subscribe", "/sse/subscribe/", http.StatusForbidden},
		{ben, "subscribe", "", http.StatusForbidden},
		{ben, "connect", "/connect/" + postOfAnn, http.StatusNoContent},
		{ben, "connect", "/connect/none", http.StatusNotFound},
		{ben, "connect", "/other/" + postOfAnn, http.StatusNotFound},
	} {
		w := c.who.expect(c.status, "GET", "/gate/"+c.gate, "", "X-Forwarded-Uri: "+c.uri, "X-Member-Key: eva")
		if key := w.Header().Get("X-Member-Key"); (c.status == http.StatusNoContent) != (key != "") || key != "" && !strings.HasPrefix(c.who.cookie, key) {
			t.Errorf("%s %s: the member is %q", c.gate, c.uri, key)
		}
	}
	room := ben.do("GET", "/gate/connect", "", "X-Forwarded-Uri: /connect/"+postOfBen).Header().Get("X-Room")
	if room != postOfBen {
		t.Errorf("the room is %q", room)
	}
	ann.expect(http.StatusNoContent, "GET", "/gate/send", "", "X-Forwarded-Method: POST")
	ben.expect(http.StatusForbidden, "GET", "/gate/send", "", "X-Forwarded-Method: POST")
	ann.expect(http.StatusForbidden, "GET", "/gate/send", "", "X-Forwarded-Method: POST", "Sec-Fetch-Site: cross-site")
}

// TestOtherSites cannot act in a member's name.
func TestOtherSites(t *testing.T) {
	t.Parallel()
	ann := startApp(t).browserOf(t, "ann")
	for _, c := range [][3]string{
		{"POST", "/api/session", `{"member": "ben"}`},
		{"DELETE", "/api/session"},
		{"PUT", "/api/posts/" + postOfBen + "/like"},
		{"POST", "/api/notifications/read", `{"ids": [1]}`},
	} {
		ann.expect(http.StatusForbidden, c[0], c[1], c[2], "Origin: https://evil.example")
		ann.expect(http.StatusForbidden, c[0], c[1], c[2], "Sec-Fetch-Site: same-site")
	}
}

func TestPage(t *testing.T) {
	t.Parallel()
	nobody := &browser{t: t, app: startApp(t)}
	w := nobody.expect(http.StatusOK, "GET", "/", "")
	if csp := w.Header().Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'self';") || strings.Contains(csp, "unsafe") {
		t.Errorf("the page may do: %s", csp)
	}
	nobody.expect(http.StatusNotFound, "GET", "/api/none", "")
}
