package told

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"ringback/leads/db"
)

// Absence is a time in which somebody is away: they get no leads, and are told
// of none.
type Absence struct {
	ID    int64
	Login string
	From  time.Time
	Until time.Time // zero: until they are back
	By    string    // login of who said so
}

// Lasts says whether it lasts at t.
func (a *Absence) Lasts(t time.Time) bool {
	return !t.Before(a.From) && (a.Until.IsZero() || t.Before(a.Until))
}

// ever is the end of an absence that has none.
const ever = 253402300799999

func endOf(until time.Time) int64 {
	if until.IsZero() {
		return ever
	}
	return db.Millis(until)
}

const absenceColumns = "SELECT id, login, from_at, until_at, said_by FROM absences "

func scanAbsence(row interface{ Scan(...any) error }) (Absence, error) {
	var a Absence
	var from, until int64
	err := row.Scan(&a.ID, &a.Login, &from, &until, &a.By)
	a.From = db.Time(from)
	if until != ever {
		a.Until = db.Time(until)
	}
	return a, err
}

// GoAway notes an absence. One that begins now says anew until when the person is
// away who is so already; what is planned for later stays, whether they overlap or
// not, until it is withdrawn: they are away in all of them. It tells its id.
func GoAway(tx *db.Tx, a Absence) (int64, error) {
	_, err := tx.Exec(`DELETE FROM absences WHERE login = $1 AND until_at > $2 AND (from_at <= $2 AND $3 <= $2 OR from_at = $3 AND until_at = $4)`,
		a.Login, db.Millis(tx.Now()), db.Millis(a.From), endOf(a.Until))
	if err != nil {
		return 0, fmt.Errorf("told: absence of %s: %w", a.Login, err)
	}
	id, err := tx.Insert("INSERT INTO absences (login, from_at, until_at, said_by) VALUES ($1, $2, $3, $4)",
		a.Login, db.Millis(a.From), endOf(a.Until), a.By)
	if err != nil {
		return 0, fmt.Errorf("told: absence of %s: %w", a.Login, err)
	}
	return id, nil
}

// ComeBack ends the absence that lasts, and tells whether there was one. Those to
// come stay.
func ComeBack(tx *db.Tx, login string) (bool, error) {
	now := db.Millis(tx.Now())
	res, err := tx.Exec("DELETE FROM absences WHERE login = $1 AND until_at > $2 AND from_at <= $2", login, now)
	if err != nil {
		return false, fmt.Errorf("told: absence of %s: %w", login, err)
	}
	n, err := res.RowsAffected()
	return n > 0, err
}

// Forget withdraws an absence of somebody that has not begun, and tells whether
// there was one.
func Forget(tx *db.Tx, login string, id int64) (bool, error) {
	res, err := tx.Exec("DELETE FROM absences WHERE id = $1 AND login = $2 AND from_at > $3", id, login, db.Millis(tx.Now()))
	if err != nil {
		return false, fmt.Errorf("told: absence %d: %w", id, err)
	}
	n, err := res.RowsAffected()
	return n > 0, err
}

// Find reads an absence; nil: it was withdrawn, or another took its place.
func Find(tx *db.Tx, id int64) (*Absence, error) {
	a, err := scanAbsence(tx.QueryRow(absenceColumns+"WHERE id = $1", id))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("told: absence %d: %w", id, err)
	}
	return &a, nil
}

// Absent says whether somebody is away now.
func Absent(tx *db.Tx, login string) (bool, error) {
	var n int
	err := tx.QueryRow("SELECT COUNT(*) FROM absences WHERE login = $1 AND until_at > $2 AND from_at <= $2", login, db.Millis(tx.Now())).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("told: absence of %s: %w", login, err)
	}
	return n > 0, nil
}

// AwayAt says whether the person is away at t.
func AwayAt(ctx context.Context, reader *sql.DB, login string, t time.Time) (bool, error) {
	var n int
	err := reader.QueryRowContext(ctx, "SELECT COUNT(*) FROM absences WHERE login = $1 AND until_at > $2 AND from_at <= $2", login, db.Millis(t)).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("told: is %s away: %w", login, err)
	}
	return n > 0, nil
}

// AwayUntil says until when somebody is away at t by a list of absences, the first to
// leave first: one may begin before another ends. Zero: until they are back.
func AwayUntil(list []Absence, login string, t time.Time) (until time.Time, away bool) {
	until = t
	for i := range list {
		a := &list[i]
		switch {
		case a.Login != login || a.From.After(until):
		case a.Until.IsZero():
			return time.Time{}, true
		case a.Until.After(until):
			until, away = a.Until, true
		}
	}
	return until, away
}

// AwayAll lists who is away at t or will be, the first to leave first.
func AwayAll(ctx context.Context, reader *sql.DB, t time.Time) ([]Absence, error) {
	rows, err := reader.QueryContext(ctx, absenceColumns+"WHERE until_at > $1 ORDER BY from_at, id", db.Millis(t))
	if err != nil {
		return nil, fmt.Errorf("told: who is away: %w", err)
	}
	defer rows.Close()
	var list []Absence
	for rows.Next() {
		a, err := scanAbsence(rows)
		if err != nil {
			return nil, fmt.Errorf("told: who is away: %w", err)
		}
		list = append(list, a)
	}
	return list, rows.Err()
}
