package main

import (
	"context"
	"database/sql"
	"net/http"
)

// like saves a like, and a notification for the post's author along with it.
func (a *app) like(w http.ResponseWriter, r *http.Request, me member) error {
	id := r.PathValue("post")
	err := a.notify(r.Context(), deed{actor: me, kind: "like", post: id}, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT OR IGNORE INTO likes VALUES (?, ?)`, id, me.Key)
		return err
	})
	if err != nil {
		return err
	}
	return a.answerPost(w, r, me, id)
}

// unlike takes a like back. What its author was told stays told.
func (a *app) unlike(w http.ResponseWriter, r *http.Request, me member) error {
	id := r.PathValue("post")
	if _, err := a.authorOf(r.Context(), id); err != nil {
		return err
	}
	if _, err := a.db.ExecContext(r.Context(), `DELETE FROM likes WHERE post = ? AND member = ?`, id, me.Key); err != nil {
		return err
	}
	return a.answerPost(w, r, me, id)
}
