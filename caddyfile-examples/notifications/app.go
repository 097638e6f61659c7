package main

import (
	"database/sql"
	"net/http"
)

// An app is all that the requests share.
type app struct {
	db        *sql.DB
	publisher *publisher
	key       []byte // signs the sessions
}

func newApp(database, redisURL string) (*app, error) {
	db, err := openDatabase(database)
	if err != nil {
		return nil, err
	}
	a := &app{db: db}
	if a.key, err = sessionKey(db); err == nil {
		a.publisher, err = newPublisher(redisURL)
	}
	if err != nil {
		_ = db.Close() // nothing was written
		return nil, err
	}
	return a, nil
}

func (a *app) close() {
	a.publisher.close()
	_ = a.db.Close() // nothing is left to be written
}

// handler is all that the app answers. What changes something is refused if a
// page of another site asks for it.
func (a *app) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /api/members", answering(a.listMembers))
	mux.Handle("GET /api/session", a.signedIn(a.showSession))
	mux.Handle("POST /api/session", answering(a.signIn))
	mux.Handle("DELETE /api/session", answering(a.signOut))

	mux.Handle("GET /api/posts", a.signedIn(a.listPosts))
	mux.Handle("PUT /api/posts/{post}/like", a.signedIn(a.like))
	mux.Handle("DELETE /api/posts/{post}/like", a.signedIn(a.unlike))
	mux.Handle("POST /api/posts/{post}/comments", a.signedIn(a.comment))

	mux.Handle("GET /api/notifications", a.signedIn(a.listNotifications))
	mux.Handle("POST /api/notifications/read", a.signedIn(a.markRead))

	// Caddy asks these who may subscribe, and who may send.
	mux.Handle("GET /gate/subscribe", a.signedIn(a.gateSubscribe))
	mux.Handle("GET /gate/connect", a.signedIn(a.gateConnect))
	mux.Handle("GET /gate/send", a.signedIn(a.gateSend))

	mux.Handle("GET /", page())
	return new(http.CrossOriginProtection).Handler(mux)
}
