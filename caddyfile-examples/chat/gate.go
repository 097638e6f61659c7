package main

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// gate is asked by Caddy whether somebody may subscribe to a room, or see who is
// in it. The answer's headers tell Caddy who it is, and which room: it goes by
// them, and not by what the browser says.
func (a *app) gate(w http.ResponseWriter, r *http.Request, me user) error {
	asked, err := url.ParseRequestURI(r.Header.Get("X-Forwarded-Uri"))
	if err != nil {
		return errNoRoom
	}
	id, what, ok := strings.Cut(strings.TrimPrefix(asked.Path, "/api/chat/rooms/"), "/")
	if !ok || !strings.HasPrefix(asked.Path, "/api/chat/rooms/") || what != "subscribe" && what != "presence" {
		return errNoRoom
	}
	var room room
	if what == "subscribe" {
		if asked.Query().Get("userId") != strconv.FormatInt(me.ID, 10) {
			return problem{http.StatusForbidden, "userId is somebody else's, not yours"}
		}
		room, err = a.enter(w, r, me, id)
	} else {
		room, err = a.roomFor(r.Context(), me, id)
	}
	if err != nil {
		return err
	}
	info, err := json.Marshal(map[string]string{"name": me.Name})
	if err != nil {
		return err
	}
	w.Header().Set("X-Room-Id", room.ID)
	w.Header().Set("X-User-Id", strconv.FormatInt(me.ID, 10))
	w.Header().Set("X-User-Info", string(info))
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// enter joins somebody to a room, and makes it if it is not there.
func (a *app) enter(w http.ResponseWriter, r *http.Request, me user, id string) (room, error) {
	room, err := a.roomFor(r.Context(), me, id)
	if errors.Is(err, errNoRoom) && roomIDs.MatchString(id) {
		if err := a.addRoom(r.Context(), me, id, id); err != nil {
			return room, err
		}
		a.outbox.send(r.Context(), w.Header())
		room, err = a.roomFor(r.Context(), me, id)
	}
	if err != nil || room.member {
		return room, err
	}
	_, err = a.db.ExecContext(r.Context(), `INSERT OR IGNORE INTO members VALUES (?, ?)`, room.ID, me.ID)
	return room, err
}
