package main

import (
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"strconv"
)

// openDirectRoom finds the room of two people, or makes it. Its ID cannot be
// guessed, so that nobody can make it first, and open to all.
func (a *app) openDirectRoom(w http.ResponseWriter, r *http.Request, me user) error {
	id, err := strconv.ParseInt(r.PathValue("userId"), 10, 64)
	if err != nil {
		return errNoUser
	}
	other, err := a.userByID(r.Context(), id)
	if err != nil {
		return err
	}
	if other == me {
		return problem{http.StatusBadRequest, "a room for two needs somebody else"}
	}
	pair := fmt.Sprintf("%d:%d", min(me.ID, other.ID), max(me.ID, other.ID))
	var roomID string
	err = a.inTransaction(r.Context(), func(tx *sql.Tx) error {
		err := tx.QueryRowContext(r.Context(), `SELECT id FROM rooms WHERE pair = ?`, pair).Scan(&roomID)
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if err := mayMakeRoom(r.Context(), tx, me); err != nil {
			return err
		}
		roomID = newRoomID()
		if _, err := tx.ExecContext(r.Context(), `INSERT INTO rooms (id, name, owner, pair) VALUES (?, '', ?, ?)`, roomID, me.ID, pair); err != nil {
			return err
		}
		if _, err := tx.ExecContext(r.Context(), `INSERT INTO members VALUES (?, ?), (?, ?)`, roomID, me.ID, roomID, other.ID); err != nil {
			return err
		}
		return a.ring(r.Context(), tx, strconv.FormatInt(other.ID, 10), bell{RoomID: roomID})
	})
	if err != nil {
		return err
	}
	room, err := a.roomFor(r.Context(), me, roomID)
	if err != nil {
		return err
	}
	a.outbox.send(r.Context(), w.Header())
	return answer(w, http.StatusOK, room)
}
