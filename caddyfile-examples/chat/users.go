package main

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxName  = 40     // runes of a person's or a room's name
	maxUsers = 10_000 // who ask for names of their own without end are stopped here
)

// A user is somebody who can sign in.
type user struct {
	ID   int64  `json:"id,string"` // a string, as presence has it
	Name string `json:"name"`
}

var errNoUser = problem{http.StatusNotFound, "there is nobody with this ID"}

func readUser(r row) (u user, err error) { return u, r.Scan(&u.ID, &u.Name) }

func (a *app) userByID(ctx context.Context, id int64) (user, error) {
	u, err := readUser(a.db.QueryRowContext(ctx, `SELECT id, name FROM users WHERE id = ?`, id))
	if errors.Is(err, sql.ErrNoRows) {
		return u, errNoUser
	}
	return u, err
}

// userCalled is the one with this name, who is new if nobody has it.
func (a *app) userCalled(ctx context.Context, name string) (u user, err error) {
	if name, err = properName(name); err != nil {
		return u, err
	}
	err = a.inTransaction(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO users (name) SELECT ? WHERE (SELECT count(*) FROM users) < ? ON CONFLICT DO NOTHING`, name, maxUsers)
		if err != nil {
			return err
		}
		u, err = readUser(tx.QueryRowContext(ctx, `SELECT id, name FROM users WHERE name = ?`, name))
		if errors.Is(err, sql.ErrNoRows) {
			return problem{http.StatusForbidden, "there are too many people here"}
		}
		return err
	})
	return u, err
}

// properName is a name without what would only confuse its readers.
func properName(name string) (string, error) {
	name = strings.Join(strings.Fields(name), " ")
	if name == "" || utf8.RuneCountInString(name) > maxName || strings.ContainsFunc(name, func(c rune) bool { return !unicode.IsPrint(c) && c != '\u200d' }) {
		return "", problem{http.StatusBadRequest, "a name has 1 to 40 characters that can be seen"}
	}
	return name, nil
}

func (a *app) listUsers(w http.ResponseWriter, r *http.Request, _ user) error {
	users, err := all(r.Context(), a.db, readUser, `SELECT id, name FROM users ORDER BY name LIMIT 1000`)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, users)
}
