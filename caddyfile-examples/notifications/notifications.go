package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"net/http"
	"time"
)

// keepNotifications is how many there are of each member: the newest.
const keepNotifications = 100

// A notification tells a member what somebody did with a post of theirs.
type notification struct {
	ID    int64  `json:"id"`
	Kind  string `json:"kind"`
	Actor member `json:"actor"`
	Post  struct {
		ID   string `json:"id"`
		Text string `json:"text"`
	} `json:"post"`
	Text string    `json:"text"`
	Time time.Time `json:"time"`
	Read bool      `json:"read"`
}

// A deed is what a notification is about.
type deed struct {
	actor      member
	kind, post string
	text       string
}

// notify does something with a post, saves a notification for its author in the
// same transaction, and then publishes it. If Redis is away the author's pages
// find it in the database: whoever missed something loads the list again.
func (a *app) notify(ctx context.Context, d deed, do func(context.Context, *sql.Tx) error) error {
	author, err := a.authorOf(ctx, d.post)
	if err != nil {
		return err
	}
	var news *notification // or else nothing new has happened
	err = a.inTransaction(ctx, func(tx *sql.Tx) error {
		if err := do(ctx, tx); err != nil || author == d.actor.Key {
			return err
		}
		news, err = saveNotification(ctx, tx, author, d)
		return err
	})
	if err == nil && news != nil {
		a.publisher.publishNotification(ctx, author, *news)
	}
	return err
}

func saveNotification(ctx context.Context, tx *sql.Tx, author string, d deed) (*notification, error) {
	var id int64
	err := tx.QueryRowContext(ctx, `INSERT INTO notifications (member, actor, kind, post, text, time) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT DO NOTHING RETURNING id`, author, d.actor.Key, d.kind, d.post, d.text, time.Now().UnixMilli()).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil // liked once more
	} else if err != nil {
		return nil, err
	}
	_, err = tx.ExecContext(ctx, `DELETE FROM notifications WHERE member = ?1 AND id <= (
		SELECT id FROM notifications WHERE member = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)`, author, keepNotifications)
	if err != nil {
		return nil, err
	}
	n, err := readNotification(tx.QueryRowContext(ctx, selectNotifications+` WHERE n.id = ?`, id))
	return &n, err
}

const selectNotifications = `
	SELECT n.id, n.kind, a.key, a.name, p.id, p.text, n.text, n.time, n.read
	FROM notifications n JOIN members a ON a.key = n.actor JOIN posts p ON p.id = n.post`

func readNotification(r row) (n notification, err error) {
	var millis int64
	err = r.Scan(&n.ID, &n.Kind, &n.Actor.Key, &n.Actor.Name, &n.Post.ID, &n.Post.Text, &n.Text, &millis, &n.Read)
	n.Time = time.UnixMilli(millis).UTC()
	return n, err
}

// listNotifications is all that a member has, read or not, newest first.
func (a *app) listNotifications(w http.ResponseWriter, r *http.Request, me member) error {
	list, err := all(r.Context(), a.db, readNotification, selectNotifications+` WHERE n.member = ? ORDER BY n.id DESC`, me.Key)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, list)
}

// markRead marks some as read, and tells the member's other tabs.
func (a *app) markRead(w http.ResponseWriter, r *http.Request, me member) error {
	var body struct{ IDs []int64 }
	if err := read(r, &body); err != nil {
		return err
	}
	if len(body.IDs) == 0 || len(body.IDs) > keepNotifications {
		return problem{http.StatusBadRequest, "1 to 100 can be marked at once"}
	}
	ids, err := json.Marshal(body.IDs)
	if err != nil {
		return err
	}
	_, err = a.db.ExecContext(r.Context(), `UPDATE notifications SET read = 1
		WHERE member = ? AND id IN (SELECT value FROM json_each(?))`, me.Key, string(ids))
	if err != nil {
		return err
	}
	a.publisher.publishRead(r.Context(), me, body.IDs)
	w.WriteHeader(http.StatusNoContent)
	return nil
}
