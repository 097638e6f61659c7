package main

import (
	"context"
	"database/sql"
	"fmt"

	_ "modernc.org/sqlite" // the driver
)

const schema = `
CREATE TABLE IF NOT EXISTS users (
	id   INTEGER PRIMARY KEY AUTOINCREMENT,
	name TEXT NOT NULL UNIQUE COLLATE NOCASE
);
CREATE TABLE IF NOT EXISTS rooms (
	id      TEXT PRIMARY KEY,
	name    TEXT NOT NULL,
	owner   INTEGER REFERENCES users, -- who may delete it; none: nobody
	pair    TEXT UNIQUE,              -- of a room for two, their IDs: '3:7'
	deleted INTEGER NOT NULL DEFAULT 0 -- it stays, so that its ID is never another room's
);
CREATE TABLE IF NOT EXISTS members (
	room TEXT NOT NULL REFERENCES rooms,
	user INTEGER NOT NULL REFERENCES users,
	PRIMARY KEY (room, user)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS messages (
	id   INTEGER PRIMARY KEY AUTOINCREMENT,
	room TEXT NOT NULL REFERENCES rooms,
	user INTEGER NOT NULL REFERENCES users,
	type TEXT NOT NULL,
	text TEXT NOT NULL,
	time INTEGER NOT NULL -- in milliseconds
);
CREATE INDEX IF NOT EXISTS messages_of_room ON messages (room, id);
CREATE TABLE IF NOT EXISTS outbox (
	id      INTEGER PRIMARY KEY AUTOINCREMENT,
	channel TEXT NOT NULL,
	event   TEXT NOT NULL,
	data    TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS secrets (
	name  TEXT PRIMARY KEY,
	value BLOB NOT NULL
);
INSERT OR IGNORE INTO rooms (id, name) VALUES ('lobby', 'Lobby');
`

// openDatabase opens the file, and makes it if it is not there. Whoever is about
// to write waits for the one who does.
func openDatabase(file string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", "file:"+file+"?_txlock=immediate"+
		"&_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=foreign_keys(1)")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(8)
	if _, err := db.Exec(schema); err != nil {
		return nil, fmt.Errorf("opening the database %s: %w", file, err)
	}
	return db, nil
}

// inTransaction does all of it or nothing.
func (a *app) inTransaction(ctx context.Context, do func(*sql.Tx) error) error {
	tx, err := a.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // it does nothing after the commit
	if err := do(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// A row is what one is read from.
type row interface{ Scan(...any) error }

// all reads every row of a query.
func all[T any](ctx context.Context, db *sql.DB, read func(row) (T, error), query string, args ...any) ([]T, error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	list := []T{} // not nil, which JSON calls null
	for rows.Next() {
		item, err := read(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, item)
	}
	return list, rows.Err()
}
