package main

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"math"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	maxText  = 4000 // runes
	maxLimit = 100
)

// A message is what somebody says in a room.
type message struct {
	ID     int64     `json:"id"`
	RoomID string    `json:"roomId"`
	User   user      `json:"user"`
	Type   string    `json:"type"` // MESSAGE, unless the page says otherwise
	Text   string    `json:"text"`
	Time   time.Time `json:"time"`
	// To is who is told of it besides those in the room: see room.to.
	To string `json:"to,omitempty"`
}

func readMessage(r row) (m message, err error) {
	var ms int64
	err = r.Scan(&m.ID, &m.RoomID, &m.User.ID, &m.User.Name, &m.Type, &m.Text, &ms)
	m.Time = time.UnixMilli(ms).UTC()
	return m, err
}

var messageTypes = regexp.MustCompile(`^[A-Z_]{1,20}$`)

// sendMessage saves the message, and then publishes it. Whether that is possible
// at the moment changes nothing of its being sent.
func (a *app) sendMessage(w http.ResponseWriter, r *http.Request, me user) error {
	room, err := a.roomFor(r.Context(), me, r.PathValue("roomId"))
	if err != nil {
		return err
	}
	var input struct{ Type, MessageType, Text string }
	if err := read(r, &input); err != nil {
		return err
	}
	input.Type = cmp.Or(input.Type, input.MessageType, "MESSAGE")
	input.Text = strings.TrimSpace(input.Text)
	if input.Text == "" || utf8.RuneCountInString(input.Text) > maxText {
		return problem{http.StatusBadRequest, "a message has 1 to 4000 characters"}
	}
	if !messageTypes.MatchString(input.Type) {
		return problem{http.StatusBadRequest, "a type is a word like MESSAGE"}
	}
	m := message{
		RoomID: room.ID, User: me, Type: input.Type, Text: input.Text, To: room.to(),
		Time: time.Now().UTC().Truncate(time.Millisecond),
	}
	if err := a.save(r.Context(), &m); err != nil {
		return err
	}
	a.outbox.send(r.Context(), w.Header())
	return answer(w, http.StatusCreated, m)
}

// save keeps the message, and with it what is to be published of it.
func (a *app) save(ctx context.Context, m *message) error {
	return a.inTransaction(ctx, func(tx *sql.Tx) error {
		err := tx.QueryRowContext(ctx, `
			INSERT INTO messages (room, user, type, text, time)
			SELECT id, ?, ?, ?, ? FROM rooms WHERE id = ? AND NOT deleted
			RETURNING id`, m.User.ID, m.Type, m.Text, m.Time.UnixMilli(), m.RoomID).Scan(&m.ID)
		if errors.Is(err, sql.ErrNoRows) {
			return errRoomDeleted
		} else if err != nil {
			return err
		}
		if err := a.outbox.put(ctx, tx, "chat:"+m.RoomID, "", m); err != nil {
			return err
		}
		return a.ring(ctx, tx, m.To, bell{m.RoomID, m.ID})
	})
}

// listMessages answers the newest messages of a room, or those before
// lastMessageId, oldest first.
func (a *app) listMessages(w http.ResponseWriter, r *http.Request, me user) error {
	room, err := a.roomFor(r.Context(), me, r.PathValue("roomId"))
	if err != nil {
		return err
	}
	before, err := number(r, "lastMessageId", math.MaxInt64)
	if err != nil {
		return err
	}
	limit, err := number(r, "limit", 50)
	if err != nil {
		return err
	}
	limit = min(limit, maxLimit)
	messages, err := all(r.Context(), a.db, readMessage, `
		SELECT * FROM (
			SELECT m.id, m.room, u.id, u.name, m.type, m.text, m.time
			FROM messages m JOIN users u ON u.id = m.user
			WHERE m.room = ? AND m.id < ? ORDER BY m.id DESC LIMIT ?
		) ORDER BY 1`, room.ID, before, limit+1)
	if err != nil {
		return err
	}
	more := len(messages) > int(limit)
	if more {
		messages = messages[1:]
	}
	return answer(w, http.StatusOK, struct {
		Messages []message `json:"messages"`
		More     bool      `json:"more"` // whether there are earlier ones
	}{messages, more})
}

// number is a whole number from 1 in the URL.
func number(r *http.Request, name string, otherwise int64) (int64, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 {
		return 0, problem{http.StatusBadRequest, name + " is a whole number from 1"}
	}
	return n, nil
}
