package main

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
)

// A member is somebody who can sign in. Their key names the channel on which
// their browsers hear what is for them.
type member struct {
	Key   string `json:"key"`
	Name  string `json:"name"`
	Admin bool   `json:"admin,omitempty"`
}

var errNoMember = problem{http.StatusNotFound, "there is no such member"}

func readMember(r row) (m member, err error) { return m, r.Scan(&m.Key, &m.Name, &m.Admin) }

func (a *app) memberByKey(ctx context.Context, key string) (member, error) {
	m, err := readMember(a.db.QueryRowContext(ctx, `SELECT key, name, admin FROM members WHERE key = ?`, key))
	if errors.Is(err, sql.ErrNoRows) {
		return m, errNoMember
	}
	return m, err
}

// listMembers is for the demo's login: anybody may see whom they can be.
func (a *app) listMembers(w http.ResponseWriter, r *http.Request) error {
	members, err := all(r.Context(), a.db, readMember, `SELECT key, name, admin FROM members ORDER BY name`)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, members)
}
