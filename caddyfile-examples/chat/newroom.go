package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"net/http"
	"regexp"
	"strings"
)

const (
	maxRooms    = 1000 // for all, that there are
	maxOwnRooms = 200  // that one person makes, ever
)

func (a *app) createRoom(w http.ResponseWriter, r *http.Request, me user) error {
	var wanted struct{ Name string }
	if err := read(r, &wanted); err != nil {
		return err
	}
	name, err := properName(wanted.Name)
	if err != nil {
		return err
	}
	id := newRoomID()
	if err := a.addRoom(r.Context(), me, id, name); err != nil {
		return err
	}
	made, err := a.roomFor(r.Context(), me, id)
	if err != nil {
		return err
	}
	a.outbox.send(r.Context(), w.Header())
	return answer(w, http.StatusCreated, made)
}

// newRoomID is one that nobody can guess.
func newRoomID() string { return strings.ToLower(rand.Text()) }

// roomIDs are those that a subscriber may choose for a room that it creates. A
// colon is not in them: chat:to:… are other channels than those of rooms.
var roomIDs = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// addRoom makes a room for all, if there are not too many.
func (a *app) addRoom(ctx context.Context, me user, id, name string) error {
	return a.inTransaction(ctx, func(tx *sql.Tx) error {
		if err := mayMakeRoom(ctx, tx, me); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO rooms (id, name, owner) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`, id, name, me.ID)
		if err != nil {
			return err
		}
		return a.ring(ctx, tx, "everyone", bell{RoomID: id})
	})
}

func mayMakeRoom(ctx context.Context, tx *sql.Tx, me user) error {
	var own, total int
	err := tx.QueryRowContext(ctx, `
		SELECT count(*) FILTER (WHERE owner = ?), count(*) FILTER (WHERE pair IS NULL AND NOT deleted)
		FROM rooms`, me.ID).Scan(&own, &total)
	if err != nil {
		return err
	}
	if own >= maxOwnRooms || total >= maxRooms {
		return problem{http.StatusForbidden, "there are too many rooms"}
	}
	return nil
}
