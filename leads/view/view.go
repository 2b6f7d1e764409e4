package view

import (
	"context"
	"database/sql"
	"fmt"
)

// View reads the Book.
type View struct {
	db *sql.DB
}

// New makes a View of connections that read, as db.DB's Reader gives them.
func New(reader *sql.DB) *View { return &View{reader} }

// scanner is a row that can be read.
type scanner interface{ Scan(dest ...any) error }

// collect reads all rows of a query. The result is never nil: it is [] in JSON.
func collect[T any](ctx context.Context, db *sql.DB, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	list := []T{}
	for rows.Next() {
		item, err := scan(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, item)
	}
	return list, rows.Err()
}

// id is a reference that may lead nowhere: null in JSON.
func id(n sql.NullInt64) *int64 {
	if !n.Valid {
		return nil
	}
	return &n.Int64
}

func failed(what string, err error) error { return fmt.Errorf("view: %s: %w", what, err) }

func scanNumber(row scanner) (n int64, err error) {
	err = row.Scan(&n)
	return n, err
}
