package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
)

// A world is the app, with a database that is new.
type world struct {
	*app
	t       *testing.T
	handler http.Handler
}

// newWorld has Redis at redisURL; with none, nothing is published.
func newWorld(t *testing.T, redisURL string) *world {
	t.Helper()
	t.Parallel()
	a, err := newApp(filepath.Join(t.TempDir(), "chat.db"), redisURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.close)
	return &world{a, t, a.handler()}
}

// A visitor is somebody with a cookie, or none.
type visitor struct {
	*world
	user
	cookie string
}

func (w *world) stranger() visitor { return visitor{world: w} }

// signIn signs somebody in.
func (w *world) comes(name string) visitor {
	w.t.Helper()
	v := w.stranger()
	r := v.ask(200, "POST", "/api/chat/session", fmt.Sprintf(`{"name": %q}`, name))
	into(v.t, r, &v.user)
	v.cookie = r.Result().Cookies()[0].Value
	return v
}

// ask sends a request, whose answer has to have this status. Headers are added
// as "Name: value".
func (v visitor) ask(status int, method, path, body string, header ...string) *httptest.ResponseRecorder {
	v.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if v.cookie != "" {
		r.AddCookie(&http.Cookie{Name: cookieName, Value: v.cookie})
	}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	v.handler.ServeHTTP(w, r)
	if w.Code != status {
		v.t.Errorf("%s %s %.80s of %q is answered %d, not %d: %s", method, path, body, v.Name, w.Code, status, w.Body)
	}
	return w
}

// knock asks the gate, as Caddy does for a request to this path.
func (v visitor) knock(status int, path string) *httptest.ResponseRecorder {
	v.t.Helper()
	return v.ask(status, "GET", "/gate", "", "X-Forwarded-Uri: "+path)
}

// rooms are those that a visitor sees.
func (v visitor) rooms() (rooms []room) {
	v.t.Helper()
	into(v.t, v.ask(200, "GET", "/api/chat/rooms", ""), &rooms)
	return rooms
}

func into(t *testing.T, r *httptest.ResponseRecorder, value any) {
	t.Helper()
	if err := json.Unmarshal(r.Body.Bytes(), value); err != nil {
		t.Fatalf("%v in %s", err, r.Body)
	}
}
