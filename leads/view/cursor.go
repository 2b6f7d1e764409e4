package view

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// The bounds of a page of a list.
const (
	DefaultLimit = 50
	MaxLimit     = 500
)

// Page says which part of a list is wanted.
type Page struct {
	Limit int // 0: DefaultLimit; from 1 to MaxLimit otherwise
	// Cursor is what the page before gave as its next; empty: the beginning.
	Cursor string
}

// List is one page of a list. Next leads to the page after it and is empty at
// the end.
type List[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next"`
}

var (
	// ErrCursor is in the error of a cursor that this list did not give.
	ErrCursor = errors.New("this cursor is not of this list")
	// ErrLimit is in the error of a limit that is out of bounds.
	ErrLimit = fmt.Errorf("a limit is from 1 to %d", MaxLimit)
	// ErrState is in the error of a state that leads cannot be in.
	ErrState = errors.New("a state is open, closed or all")
	// ErrNotFound is in the error of an id that nothing has.
	ErrNotFound = errors.New("not found")
)

// limit is how many rows a page has.
func (p Page) limit() (int, error) {
	switch {
	case p.Limit == 0:
		return DefaultLimit, nil
	case p.Limit < 0 || p.Limit > MaxLimit:
		return 0, fmt.Errorf("view: limit %d: %w", p.Limit, ErrLimit)
	}
	return p.Limit, nil
}

// place is where in a list a page ends: the sort key of its last row. The id
// makes it unique; at is 0 in lists that are sorted by id alone.
type place struct{ at, id int64 }

// top is before every row of a list that is read downwards.
var top = place{math.MaxInt64, math.MaxInt64}

// longestCursor is more than any cursor has.
const longestCursor = 80

// write makes a cursor of a place in the named list.
func (p place) write(list string) string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%s.%d.%d", list, p.at, p.id))
}

// readCursor takes a cursor apart. It takes only what write gave for the same
// list, so that no two texts mean one place.
func readCursor(list, cursor string) (place, error) {
	if cursor == "" {
		return top, nil
	}
	wrong := fmt.Errorf("view: %w", ErrCursor)
	if len(cursor) > longestCursor {
		return place{}, wrong
	}
	text, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil {
		return place{}, wrong
	}
	parts := strings.Split(string(text), ".")
	if len(parts) != 3 {
		return place{}, wrong
	}
	at, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil {
		return place{}, wrong
	}
	id, err := strconv.ParseInt(parts[2], 10, 64)
	if err != nil {
		return place{}, wrong
	}
	if p := (place{at, id}); p.write(list) == cursor {
		return p, nil
	}
	return place{}, wrong
}

// cut makes a page of rows that were read one beyond the limit: the one too
// many tells that there is a next page.
func cut[T any](rows []T, limit int, list string, key func(*T) place) List[T] {
	if len(rows) <= limit {
		return List[T]{Items: rows}
	}
	rows = rows[:limit]
	return List[T]{Items: rows, Next: key(&rows[limit-1]).write(list)}
}

// compare orders places as lists are sorted, upwards.
func (p place) compare(other place) int {
	return cmp.Or(cmp.Compare(p.at, other.at), cmp.Compare(p.id, other.id))
}
