package main

import (
	"context"
	"database/sql"
	_ "embed"
	"fmt"
	"net/url"

	_ "modernc.org/sqlite" // the driver
)

//go:embed schema.sql
var schema string

//go:embed demo.sql
var demo string

// openDatabase opens the file, and makes it if it is not there. Whoever is about
// to write waits for the one who does.
func openDatabase(file string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: file}).EscapedPath()+"?_txlock=immediate"+
		"&_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=foreign_keys(1)")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(8)
	if _, err := db.Exec(schema + demo); err != nil {
		_ = db.Close() // it did not open
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
