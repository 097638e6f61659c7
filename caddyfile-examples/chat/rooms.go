package main

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
)

// A room is where people talk: all of them, or two.
type room struct {
	ID   string `json:"id"`
	Name string `json:"name"` // of a room for two: the other's
	// Type is GROUP or DIRECT.
	Type string `json:"type"`
	With string `json:"with,omitempty"` // the other's ID, in a room for two
	// MayDelete is whether whoever asks may.
	MayDelete bool `json:"mayDelete"`
	// LastMessageID is the newest message's, 0 if there is none.
	LastMessageID int64 `json:"lastMessageId"`

	deleted bool
	member  bool
}

// to is who is told that something happens in the room: everyone, or the other
// of two. The channel chat:to:<to> tells them.
func (r room) to() string {
	if r.Type == "DIRECT" {
		return r.With
	}
	return "everyone"
}

// selectRooms selects rooms as a person sees them, whose ID is its argument.
const selectRooms = `
	SELECT r.id, coalesce(other.name, r.name), iif(r.pair IS NULL, 'GROUP', 'DIRECT'), coalesce(other.id, ''),
		r.pair IS NOT NULL OR r.owner IS me.id,
		coalesce((SELECT max(id) FROM messages WHERE room = r.id), 0),
		r.deleted, EXISTS (SELECT 1 FROM members WHERE room = r.id AND user = me.id)
	FROM rooms r JOIN (SELECT ? AS id) me
	LEFT JOIN members m ON r.pair IS NOT NULL AND m.room = r.id AND m.user <> me.id
	LEFT JOIN users other ON other.id = m.user `

func readRoom(from row) (r room, err error) {
	return r, from.Scan(&r.ID, &r.Name, &r.Type, &r.With, &r.MayDelete, &r.LastMessageID, &r.deleted, &r.member)
}

var (
	errNoRoom      = problem{http.StatusNotFound, "there is no such room"}
	errRoomDeleted = problem{http.StatusGone, "the room has been deleted"}
	errPrivate     = problem{http.StatusForbidden, "this room is for two, and you are neither"}
)

// roomFor is the room, if the person may be in it.
func (a *app) roomFor(ctx context.Context, me user, id string) (room, error) {
	r, err := readRoom(a.db.QueryRowContext(ctx, selectRooms+`WHERE r.id = ?`, me.ID, id))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return r, errNoRoom
	case err != nil:
		return r, err
	case r.deleted:
		return r, errRoomDeleted
	case r.Type == "DIRECT" && !r.member:
		return r, errPrivate
	}
	return r, nil
}

func (a *app) listRooms(w http.ResponseWriter, r *http.Request, me user) error {
	rooms, err := all(r.Context(), a.db, readRoom, selectRooms+`
		WHERE NOT r.deleted AND (r.pair IS NULL OR EXISTS (SELECT 1 FROM members WHERE room = r.id AND user = me.id))
		ORDER BY r.rowid LIMIT ?`, me.ID, 2*maxRooms)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, rooms)
}

func (a *app) showRoom(w http.ResponseWriter, r *http.Request, me user) error {
	room, err := a.roomFor(r.Context(), me, r.PathValue("roomId"))
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, room)
}
