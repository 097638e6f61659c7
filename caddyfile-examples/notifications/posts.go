package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"net/http"
)

// A post is as one member sees it.
type post struct {
	ID       string          `json:"id"`
	Author   member          `json:"author"`
	Text     string          `json:"text"`
	Likes    int             `json:"likes"`
	Liked    bool            `json:"liked"`
	Comments json.RawMessage `json:"comments"`
}

var errNoPost = problem{http.StatusNotFound, "there is no such post"}

const selectPosts = `
	SELECT p.id, m.key, m.name, p.text,
		(SELECT count(*) FROM likes WHERE post = p.id),
		EXISTS (SELECT 1 FROM likes WHERE post = p.id AND member = ?),
		(SELECT json_group_array(json_object('id', c.id, 'text', c.text, 'author', json_object('key', a.key, 'name', a.name)) ORDER BY c.id)
			FROM comments c JOIN members a ON a.key = c.author WHERE c.post = p.id)
	FROM posts p JOIN members m ON m.key = p.author`

func readPost(r row) (p post, err error) {
	var comments string
	err = r.Scan(&p.ID, &p.Author.Key, &p.Author.Name, &p.Text, &p.Likes, &p.Liked, &comments)
	p.Comments = json.RawMessage(comments)
	return p, err
}

func (a *app) listPosts(w http.ResponseWriter, r *http.Request, me member) error {
	posts, err := all(r.Context(), a.db, readPost, selectPosts+` ORDER BY p.rowid LIMIT 100`, me.Key)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, posts)
}

// answerPost answers with the post as it is now.
func (a *app) answerPost(w http.ResponseWriter, r *http.Request, me member, id string) error {
	p, err := readPost(a.db.QueryRowContext(r.Context(), selectPosts+` WHERE p.id = ?`, me.Key, id))
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, p)
}

func (a *app) authorOf(ctx context.Context, id string) (key string, err error) {
	err = a.db.QueryRowContext(ctx, `SELECT author FROM posts WHERE id = ?`, id).Scan(&key)
	if errors.Is(err, sql.ErrNoRows) {
		return "", errNoPost
	}
	return key, err
}
