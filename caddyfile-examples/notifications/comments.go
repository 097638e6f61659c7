package main

import (
	"context"
	"database/sql"
	"net/http"
	"strings"
	"unicode/utf8"
)

const (
	maxComment   = 500 // runes
	keepComments = 50  // the newest of each post
)

// comment saves a comment, and a notification for the post's author along with
// it. Those in the post's room hear who has something to say.
func (a *app) comment(w http.ResponseWriter, r *http.Request, me member) error {
	var body struct{ Text string }
	if err := read(r, &body); err != nil {
		return err
	}
	id, text := r.PathValue("post"), strings.TrimSpace(body.Text)
	if text == "" || utf8.RuneCountInString(text) > maxComment {
		return problem{http.StatusBadRequest, "a comment has 1 to 500 characters"}
	}
	err := a.notify(r.Context(), deed{actor: me, kind: "comment", post: id, text: text}, func(ctx context.Context, tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO comments (post, author, text) VALUES (?, ?, ?)`, id, me.Key, text); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM comments WHERE post = ?1 AND id <= (
			SELECT id FROM comments WHERE post = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)`, id, keepComments)
		return err
	})
	if err != nil {
		return err
	}
	a.publisher.publishRoom(r.Context(), id, me)
	return a.answerPost(w, r, me, id)
}
