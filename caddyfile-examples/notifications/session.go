package main

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	cookieName = "notifications_session"
	sessionAge = 30 * 24 * time.Hour
)

// sessionKey is a random key, the same for all apps with this database.
func sessionKey(db *sql.DB) (key []byte, err error) {
	fresh := make([]byte, 32)
	_, _ = rand.Read(fresh) // never fails
	if _, err = db.Exec(`INSERT OR IGNORE INTO secrets VALUES ('session', ?)`, fresh); err != nil {
		return nil, err
	}
	err = db.QueryRow(`SELECT value FROM secrets WHERE name = 'session'`).Scan(&key)
	return key, err
}

// signIn takes everybody for whom they say they are: THIS IS A DEMO. A real
// login belongs here: a password, a passkey, or your identity provider's
// callback. All the rest only asks for the session, and can stay as it is.
func (a *app) signIn(w http.ResponseWriter, r *http.Request) error {
	var who struct{ Member string }
	if err := read(r, &who); err != nil {
		return err
	}
	me, err := a.memberByKey(r.Context(), who.Member)
	if err != nil {
		return err
	}
	setCookie(w, r, a.sign(me.Key, time.Now().Add(sessionAge)), int(sessionAge.Seconds()))
	return answer(w, http.StatusOK, me)
}

func (a *app) signOut(w http.ResponseWriter, r *http.Request) error {
	setCookie(w, r, "", -1)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (a *app) showSession(w http.ResponseWriter, _ *http.Request, me member) error {
	return answer(w, http.StatusOK, me)
}

// signedIn lets in whoever has a session, and says who it is.
func (a *app) signedIn(f func(http.ResponseWriter, *http.Request, member) error) http.Handler {
	return answering(func(w http.ResponseWriter, r *http.Request) error {
		me, err := a.whoIs(r)
		if err != nil {
			return err
		}
		return f(w, r, me)
	})
}

// whoIs is the member whose session the request has.
func (a *app) whoIs(r *http.Request) (member, error) {
	noSession := problem{http.StatusUnauthorized, "sign in first"}
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return member{}, noSession
	}
	key, ok := a.verify(cookie.Value, time.Now())
	if !ok {
		return member{}, noSession
	}
	me, err := a.memberByKey(r.Context(), key)
	if errors.Is(err, errNoMember) {
		return me, noSession
	}
	return me, err
}

// sign makes a session: who, until when, and the proof that it is ours.
func (a *app) sign(memberKey string, until time.Time) string {
	claim := fmt.Sprintf("%s.%d", memberKey, until.Unix())
	return claim + "." + a.proof(claim)
}

func (a *app) verify(session string, now time.Time) (memberKey string, ok bool) {
	end := strings.LastIndexByte(session, '.')
	if end < 0 || !hmac.Equal([]byte(session[end+1:]), []byte(a.proof(session[:end]))) {
		return "", false
	}
	memberKey, until, _ := strings.Cut(session[:end], ".")
	seconds, err := strconv.ParseInt(until, 10, 64)
	return memberKey, err == nil && now.Unix() < seconds
}

func (a *app) proof(claim string) string {
	mac := hmac.New(sha256.New, a.key)
	mac.Write([]byte("session:" + claim))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// setCookie keeps the session from scripts, and from requests that other sites
// make. Over TLS, of which Caddy tells, it stays there.
func setCookie(w http.ResponseWriter, r *http.Request, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{
		Name: cookieName, Value: value, Path: "/", MaxAge: maxAge,
		HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Secure: r.Header.Get("X-Forwarded-Proto") == "https",
	})
}
