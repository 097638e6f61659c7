package main

import (
	"database/sql"
	"net/http"
)

// deleteRoom tells those in the room, and those who have it in their list.
func (a *app) deleteRoom(w http.ResponseWriter, r *http.Request, me user) error {
	room, err := a.roomFor(r.Context(), me, r.PathValue("roomId"))
	if err != nil {
		return err
	}
	if !room.MayDelete {
		return problem{http.StatusForbidden, "only who has made the room may delete it"}
	}
	gone := deletedRoom{RoomID: room.ID, By: me, To: room.to()}
	err = a.inTransaction(r.Context(), func(tx *sql.Tx) error {
		for _, statement := range []string{
			`UPDATE rooms SET deleted = 1, pair = NULL WHERE id = ?`,
			`DELETE FROM messages WHERE room = ?`,
			`DELETE FROM members WHERE room = ?`,
		} {
			if _, err := tx.ExecContext(r.Context(), statement, room.ID); err != nil {
				return err
			}
		}
		if err := a.outbox.put(r.Context(), tx, "chat:"+room.ID, roomDeleted, gone); err != nil {
			return err
		}
		return a.outbox.put(r.Context(), tx, bells+gone.To, roomDeleted, gone)
	})
	if err != nil {
		return err
	}
	a.outbox.send(r.Context(), w.Header())
	return answer(w, http.StatusOK, gone)
}

// A deletedRoom is what is left of one.
type deletedRoom struct {
	RoomID string `json:"roomId"`
	By     user   `json:"by"`
	To     string `json:"to"`
}
