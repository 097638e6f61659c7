package main

import (
	"database/sql"
	"net/http"
)

// An app is all that the requests share.
type app struct {
	db     *sql.DB
	outbox *outbox
	key    []byte // signs the sessions
}

// newApp opens the database. Without a redisURL nothing is published.
func newApp(database, redisURL string) (*app, error) {
	db, err := openDatabase(database)
	if err != nil {
		return nil, err
	}
	a := &app{db: db}
	if a.key, err = sessionKey(db); err != nil {
		return nil, err
	}
	if a.outbox, err = newOutbox(db, redisURL); err != nil {
		return nil, err
	}
	return a, nil
}

func (a *app) close() {
	a.outbox.close()
	_ = a.db.Close() // nothing is left to be written
}

// handler is all that the app answers. What changes something is refused if a
// page of another site asks for it.
func (a *app) handler() http.Handler {
	api := http.NewServeMux()
	api.Handle("GET /api/chat/session", a.signedIn(a.showSession))
	api.Handle("POST /api/chat/session", answering(a.signIn))
	api.Handle("DELETE /api/chat/session", answering(a.signOut))
	api.Handle("GET /api/chat/users", a.signedIn(a.listUsers))
	api.Handle("POST /api/chat/users/{userId}/rooms", a.signedIn(a.openDirectRoom))
	api.Handle("GET /api/chat/rooms", a.signedIn(a.listRooms))
	api.Handle("POST /api/chat/rooms", a.signedIn(a.createRoom))
	api.Handle("GET /api/chat/rooms/{roomId}", a.signedIn(a.showRoom))
	api.Handle("DELETE /api/chat/rooms/{roomId}", a.signedIn(a.deleteRoom))
	api.Handle("GET /api/chat/rooms/{roomId}/messages", a.signedIn(a.listMessages))
	api.Handle("POST /api/chat/rooms/{roomId}/messages", a.signedIn(a.sendMessage))
	api.Handle("GET /gate", a.signedIn(a.gate))
	api.Handle("GET /", page())
	return new(http.CrossOriginProtection).Handler(api)
}
